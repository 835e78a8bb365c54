"""What earlier versions left on disk: one folder a version, opened by every later one."""
