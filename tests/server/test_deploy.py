"""Test the deployment: the installation script, its preflight checks, a container, a service."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

from tests.conftest import CORPUS, ROOT
from tests.isolation import Isolated, require

DEPLOY = ROOT / "deploy"
PATIENCE = 600.0


def run(*command: object, **options) -> subprocess.CompletedProcess:
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, check=False, **options)


# -- the installation -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def prefix(tmp_path_factory, encoder) -> Path:
    """Install with the packages of the tests; the script does all else by itself.

    `tests/durability/test_install.py` fetches the packages too, which takes minutes.
    """
    pytest.importorskip("hatchling", reason="hatchling, which builds the package, is not installed")
    prefix = tmp_path_factory.mktemp("prefix")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix / "venv"], check=True)
    (site,) = (prefix / "venv" / "lib").glob("python*/site-packages")
    (site / "tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
    own = {name: value for name, value in os.environ.items() if "ASSISTANT_" not in name}
    models = Path(os.environ["XDG_CACHE_HOME"]) / "guide-assistant" / "models"
    shutil.copytree(models, prefix / "cache" / "guide-assistant" / "models")
    own["PIP_ARGS"] = "--no-index --no-build-isolation"
    done = run(DEPLOY / "install", prefix, CORPUS, env=own, cwd=prefix)
    assert done.returncode == 0, done.stdout + done.stderr
    return prefix


def test_an_installation_holds_the_command_its_packages_a_model_and_an_index(prefix):
    alone = {"env": {"PATH": os.environ["PATH"]}, "cwd": "/"}
    arguments = ("ask", "how is a PM different from a PO?", "--index", prefix / "index")
    answer = run(prefix / "bin" / "assistant", *arguments, **alone)
    assert "Product Manager vs. Product Owner" in answer.stdout, answer.stderr
    code = "import assistant; print(assistant.__file__)"
    where = run(prefix / "venv" / "bin" / "python", "-c", code, **alone)
    assert Path(where.stdout.strip()).is_relative_to(prefix)


def test_everybody_may_read_an_installation_and_only_its_owner_may_change_it(prefix):
    for path in prefix.rglob("*"):
        if not path.is_symlink():
            mode = path.stat().st_mode
            assert not mode & (stat.S_IWGRP | stat.S_IWOTH), path
            assert mode & stat.S_IROTH, path


def serve_isolated(prefix, folder, way):
    require()
    packages = sysconfig.get_path("purelib")
    script = ROOT / "tests" / "isolated_serve.py"
    traces = Isolated(folder / way, sys.executable, script, prefix, packages, way).traces(PATIENCE)
    assert traces.code == 0, traces.errors
    assert (traces.names, traces.addresses) == ((), ())
    return json.loads(traces.output)


def test_it_serves_as_any_user_from_read_only_files_with_a_volume_for_its_state(prefix, tmp_path):
    result = serve_isolated(prefix, tmp_path, "state")
    assert result["ready"], result["said"]
    assert "A Product Owner is a role" in result["answer"]
    assert result["health"] == 0
    assert result["code"] == 0, result["said"]
    assert "no answer at port 7860" in result["health when gone"]


def test_it_serves_as_any_user_from_a_read_only_index(prefix, tmp_path):
    result = serve_isolated(prefix, tmp_path, "read-only")
    assert result["ready"], result["said"]
    assert "A Product Owner is a role" in result["answer"]
    assert result["code"] == 0, result["said"]


def test_without_a_temporary_folder_the_error_names_tmpdir(prefix, tmp_path):
    result = serve_isolated(prefix, tmp_path, "no-temporary-folder")
    assert result["code"] == 2
    assert "TMPDIR" in result["said"]
    assert "Traceback" not in result["said"]


# -- preflight checks -----------------------------------------------------------------------------


def test_a_busy_port_is_an_error_before_anything_is_installed(tmp_path):
    for name in ("Makefile", "deploy", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).symlink_to(ROOT / name)
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        done = run("make", "run", f"PORT={port}", f"PYTHON={sys.executable}", cwd=tmp_path)
    assert done.returncode == 2
    assert f"The chat cannot listen on 127.0.0.1, port {port}" in done.stderr
    assert "make run PORT=8000" in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("where", ["assistant.toml", "environment"])
def test_the_preflight_check_tries_the_configured_port(where, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        own = {"PATH": os.environ["PATH"]}
        if where == "environment":
            own["ASSISTANT_PORT"] = str(port)
        else:
            (tmp_path / where).write_text(f"port = {port}\n")
        done = run(sys.executable, DEPLOY / "preflight.py", "--serve", cwd=tmp_path, env=own)
    assert done.returncode == 2
    assert f"port {port}" in done.stderr


def test_make_run_passes_its_port_to_the_chat():
    assert "app.py --port 8000\n" in run("make", "--dry-run", "run", "PORT=8000", cwd=ROOT).stdout
    assert "app.py \n" in run("make", "--dry-run", "run", cwd=ROOT).stdout


@pytest.mark.parametrize("target", ["run", "test"])
@pytest.mark.parametrize("python", ["", "/no/such/python3.11"])
def test_make_without_a_python_names_the_version_it_needs(target, python, tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).symlink_to(ROOT / name)
    done = run("make", target, f"PYTHON={python}", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("Python 3.11 is needed")
    assert "make run PYTHON=" in done.stderr


def test_an_old_python_is_named_with_its_version(tmp_path):
    code = "import sys; sys.version_info = (3, 10, 4); import runpy; "
    code += f"runpy.run_path({str(DEPLOY / 'preflight.py')!r}, run_name='__main__')"
    done = run(sys.executable, "-c", code, cwd=tmp_path)
    assert done.returncode == 2
    assert "is 3.10.4" in done.stderr


def test_the_preflight_check_names_time_and_space_and_refuses_a_small_disk(tmp_path):
    done = run(sys.executable, DEPLOY / "preflight.py", "--folder", tmp_path / "venv")
    assert done.returncode == 0
    assert re.search(r"about \d+ minutes and \d\.\d GB", done.stderr)
    small = f"import runpy; m = runpy.run_path({str(DEPLOY / 'preflight.py')!r}); "
    small += "from pathlib import Path; print(m['check_disk'](Path('/proc/nothing/here')))"
    assert "GB are needed in /proc/nothing/here" in run(sys.executable, "-c", small).stdout


# -- the files ------------------------------------------------------------------------------------

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
KEYWORDS = set(
    "ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK RUN USER VOLUME WORKDIR".split()
)


def read_instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with their arguments, continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", DOCKERFILE)
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in lines]


def test_every_instruction_of_the_dockerfile_is_known():
    assert {keyword for keyword, _ in read_instructions()} <= KEYWORDS
    assert read_instructions()[0][0] == "FROM"


def test_every_copied_file_exists_and_reaches_the_builder():
    sent = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    copied = set()
    for keyword, words in read_instructions():
        if keyword == "COPY" and "--from" not in words:
            copied |= set(words.split()[:-1])
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in sent, source
    assert {source.split("/")[0] for source in copied} == sent


def test_every_run_instruction_is_valid_shell_and_one_runs_the_installation_script():
    runs = [words for keyword, words in read_instructions() if keyword == "RUN"]
    for line in runs:
        assert run("sh", "-n", "-c", line).returncode == 0
    assert any(line.startswith("deploy/install ") for line in runs)


def test_the_image_runs_as_an_unprivileged_user_with_a_health_check():
    content = dict(read_instructions())
    assert not content["USER"].startswith(("0", "root"))
    (check,) = re.findall(r"\[.*\]", content["HEALTHCHECK"])
    python, script = json.loads(check)
    assert python == "/opt/assistant/venv/bin/python"
    assert f"deploy/health.py {script}" in [w for k, w in read_instructions() if k == "COPY"]
    assert json.loads(content["ENTRYPOINT"]) == ["/opt/assistant/bin/assistant"]


def test_the_settings_of_container_and_service_exist():
    from assistant.settings import Settings

    service = (DEPLOY / "guide-assistant.service").read_text(encoding="utf-8")
    composed = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    text = DOCKERFILE + service + " ".join(composed["services"]["guide"]["environment"])
    names = {name.lower() for name in re.findall(r"ASSISTANT_([A-Z_]+)", text)}
    assert {"corpus", "index", "anonymous"} <= names <= set(Settings.model_fields)


def test_the_composed_service_has_no_unneeded_rights():
    composed = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    guide = composed["services"]["guide"]
    assert guide["read_only"] is True
    assert guide["cap_drop"] == ["ALL"]
    assert guide["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in guide["ports"])
    assert any(place.startswith("/tmp") for place in guide["tmpfs"])
    for volume in guide["volumes"]:
        assert volume.endswith("/guide:ro") or volume.split(":")[0] in composed["volumes"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_reads_the_service_and_finds_it_hardened(tmp_path):
    text = (DEPLOY / "guide-assistant.service").read_text(encoding="utf-8")
    here = tmp_path / "guide-assistant.service"
    here.write_text(text.replace("/opt/assistant/bin/assistant", "/bin/true"))
    done = run("systemd-analyze", "verify", here)
    assert (done.returncode, done.stderr) == (0, "")
    safe = run("systemd-analyze", "security", "--offline=true", "--threshold=20", here)
    assert safe.returncode == 0, safe.stdout[-200:]


def test_the_installation_script_is_plain_shell_and_says_how_it_is_used():
    assert run("sh", "-n", DEPLOY / "install").returncode == 0
    done = run(DEPLOY / "install")
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: deploy/install PREFIX [GUIDE]")


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
@pytest.mark.parametrize("script", ["deploy/install", ".ci/run"])
def test_shellcheck_finds_nothing_in_the_scripts(script):
    done = run("shellcheck", ROOT / script)
    assert done.returncode == 0, done.stdout


def test_torch_is_the_version_of_the_constraints_wherever_it_is_installed():
    (version,) = re.findall(r"^torch==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M)
    for name in ("Makefile", "deploy/install"):
        named = set(re.findall(r"torch==(\S+)", (ROOT / name).read_text(encoding="utf-8")))
        assert named == {version}, name


# -- docs/deploy.md -------------------------------------------------------------------------------

PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")


def test_the_page_has_the_figures_of_the_preflight_checks():
    from runpy import run_path

    promised = run_path(str(DEPLOY / "preflight.py"))
    assert f"{promised['DISK'] / 1e9:.1f} GB of disk" in PAGE


def test_the_page_has_the_variables_of_the_script():
    script = (DEPLOY / "install").read_text(encoding="utf-8")
    read = set(re.findall(r"\$\{([A-Z_]+):-", script))
    assert read == set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE))


def test_the_yaml_and_the_settings_of_the_page_are_valid():
    from assistant.settings import Settings

    (probes,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    known = yaml.safe_load(probes)
    assert {known[name]["httpGet"]["path"] for name in known if name.endswith("Probe")} == {
        "/healthz",
        "/readyz",
    }
    names = {name.lower() for name in re.findall(r"ASSISTANT_([A-Z_]+)", PAGE)}
    assert names <= set(Settings.model_fields)


@pytest.mark.parametrize("kind", ["pipe", "nested"])
def test_an_unreadable_settings_file_does_not_block_the_preflight_check(tmp_path, kind):
    if kind == "pipe":
        os.mkfifo(tmp_path / "assistant.toml")
    else:
        (tmp_path / "assistant.toml").write_text("a = " + "[" * 5000)
    own = {"PATH": os.environ["PATH"], "ASSISTANT_PORT": "0"}
    done = run(sys.executable, DEPLOY / "preflight.py", "--serve", cwd=tmp_path, env=own)
    assert (done.returncode, done.stderr) == (0, "")
