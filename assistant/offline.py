"""Keep every package in use from sending anything over the network, before it is imported.

`import assistant` calls `stay_offline` first, so that every interface passes it: the command line,
Python, `app.py`, the chat, MCP, and the processes they start, which inherit the environment.
Whatever this module needs beyond what Python has loaded anyway is imported inside a function.
"""

from __future__ import annotations

import os
import sys
import warnings

FORCED_VARIABLES = {
    # onnxruntime 1.32 sends usage data to its maker 15 s after the first session, and leaves a
    # device number and a database in the user's cache. It reads this while it is imported.
    "ORT_DISABLE_TELEMETRY": "1",
    # Gradio sends usage data and looks for a newer version. Anything but "True" is no.
    "GRADIO_ANALYTICS_ENABLED": "False",
    # huggingface_hub sends usage data, its own and that of packages that call it, such as Gradio.
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # The convention that other packages read, such as one that these may require tomorrow.
    "DO_NOT_TRACK": "1",
}
"""Set whatever they were before: that nothing leaves the machine depends on them alone."""

DEFAULT_VARIABLES = {
    # huggingface_hub and transformers fetch nothing. Every call of ours says the same, so a program
    # that imports this package and fetches models itself may set it to 0.
    "HF_HUB_OFFLINE": "1",
    # FastAPI sends traces where OTEL_EXPORTER_… says. An operator may want that.
    "FASTAPI_OTEL_AUTO_CONFIGURE": "false",
    # Gradio loads pandas to sum up its own run times after so many events: each, if not set.
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(sys.maxsize),
    # tokenizers warns on standard error where a process forks after it ran in threads.
    "TOKENIZERS_PARALLELISM": "false",
}
"""Set only where the environment does not: an operator may have a reason to want it otherwise."""


def stay_offline() -> None:
    """Set the switches of all packages in this process's environment.

    Warns where onnxruntime was imported first: it read its switch then, and
    `disable_telemetry_events` does not stop it either (measured with 1.32).
    """
    if "onnxruntime" in sys.modules and not os.environ.get("ORT_DISABLE_TELEMETRY"):
        warnings.warn(
            "onnxruntime was imported before assistant and sends usage data to its maker. "
            "Import assistant first, or set ORT_DISABLE_TELEMETRY=1 in the environment.",
            RuntimeWarning,
            stacklevel=3,
        )
    os.environ.update(FORCED_VARIABLES)
    for name, value in DEFAULT_VARIABLES.items():
        os.environ.setdefault(name, value)


def use_private_temp_folder() -> None:
    """Choose a temporary folder for Gradio that no other program uses, before it is imported.

    Its default is one folder for all users of a machine, which the first of them owns. Raises
    SettingsError where no folder can be written to.
    """
    import secrets
    import tempfile
    from pathlib import Path

    from assistant.errors import SettingsError

    try:
        folder = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise SettingsError(
            "The chat needs a folder for temporary files, and none here can be written to.",
            "Name one with TMPDIR; in a container, mount a tmpfs on /tmp.",
        ) from error
    name = f"guide-assistant-{secrets.token_hex(8)}"
    os.environ.setdefault("GRADIO_TEMP_DIR", str(folder / name))
