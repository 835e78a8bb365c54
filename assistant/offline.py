"""Stop every package in use from sending anything over the network, before it is imported.

`import assistant` calls `stay_offline` first, so that it applies to every interface: the command
line, Python, `app.py`, the chat, MCP, and the processes they start, which inherit the environment.
This module imports inside its functions whatever Python has not loaded already.
"""

from __future__ import annotations

import os
import sys
import warnings

FORCED_VARIABLES = {
    # onnxruntime 1.32 sends usage data to its maker 15 s after the first session, and leaves a
    # device number and a database in the user's cache. It reads this while it is imported.
    "ORT_DISABLE_TELEMETRY": "1",
    # Gradio sends usage data and looks for a newer version. Any value but "True" stops both.
    "GRADIO_ANALYTICS_ENABLED": "False",
    # huggingface_hub sends usage data, its own and that of packages that call it, such as Gradio.
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # A convention that other packages follow, also those that a dependency may require later.
    "DO_NOT_TRACK": "1",
}
"""Set in any case, whatever their value was: nothing else keeps these packages from sending."""

DEFAULT_VARIABLES = {
    # huggingface_hub and transformers fetch nothing. Every call in this package says the same, so a
    # program that imports it and fetches models itself may set this to 0.
    "HF_HUB_OFFLINE": "1",
    # FastAPI sends traces where OTEL_EXPORTER_… says. An operator may want that.
    "FASTAPI_OTEL_AUTO_CONFIGURE": "false",
    # After this number of events Gradio loads pandas to sum up its run times; after each, if unset.
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(sys.maxsize),
    # tokenizers warns on standard error where a process forks after it ran in threads.
    "TOKENIZERS_PARALLELISM": "false",
}
"""Set only where the environment has no value: an operator may want another one."""


def stay_offline() -> None:
    """Set the switches of all packages in this process's environment.

    Warns where onnxruntime was imported first: it has read its switch already, and
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
