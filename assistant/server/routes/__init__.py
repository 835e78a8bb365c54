"""The routes of the server, one module an interface."""
