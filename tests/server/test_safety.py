"""Nothing in the package runs what it reads: no pickles, no unsafe YAML, no eval, no shell."""

from __future__ import annotations

import ast

import pytest

from tests.source import PATHS, tree

PICKLING = set("pickle cPickle _pickle marshal shelve dill cloudpickle joblib jsonpickle".split())
RUNNING = {"eval", "exec", "compile", "__import__"}
SHELLS = {"system", "popen", "getoutput", "getstatusoutput"}
SAFE_LOADERS = {"SafeLoader", "CSafeLoader", "BaseLoader", "CBaseLoader"}
UNSAFE_YAML = {"unsafe_load", "unsafe_load_all", "full_load", "full_load_all"}
UNSAFE_LOADERS = {"Loader", "CLoader", "FullLoader", "CFullLoader", "UnsafeLoader", "CUnsafeLoader"}


def find_offences(source: str) -> list[str]:
    """List the code that could run what it reads, with line numbers."""
    return find_offences_in(ast.parse(source))


def find_offences_in(module: ast.Module) -> list[str]:
    offences = []
    for node in ast.walk(module):
        offences += [f"line {node.lineno}: {offence}" for offence in _offences(node, module)]
    return offences


def _offences(node: ast.AST, module: ast.Module) -> list[str]:
    if isinstance(node, ast.Import):
        return [f"imports {a.name}" for a in node.names if a.name.split(".")[0] in PICKLING]
    if isinstance(node, ast.ImportFrom):
        names = {alias.name for alias in node.names}
        source = (node.module or "").split(".")[0]
        unsafe = names & (UNSAFE_YAML | UNSAFE_LOADERS) if source == "yaml" else set()
        return [f"imports {source}"] * (source in PICKLING) + sorted(unsafe)
    if isinstance(node, ast.Attribute) and _name(node.value) == "yaml":
        return [node.attr] * (node.attr in UNSAFE_YAML | UNSAFE_LOADERS)
    if isinstance(node, ast.Call):
        return _in_call(node, module)
    return []


def _in_call(node: ast.Call, module: ast.Module) -> list[str]:
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    function, owner = _name(node.func), _name(getattr(node.func, "value", None))
    offences = []
    if isinstance(node.func, ast.Name) and function in RUNNING:
        offences.append(f"calls {function}")
    if owner in {"os", "subprocess"} and function in SHELLS:
        offences.append(f"calls {owner}.{function}")
    if not _is(keywords.get("shell", ast.Constant(value=False)), value=False):
        offences.append("runs a shell")
    if not _is(keywords.get("allow_pickle", ast.Constant(value=False)), value=False):
        offences.append("allows pickles")
    if (
        owner == "torch"
        and function == "load"
        and not _is(keywords.get("weights_only"), value=True)
    ):
        offences.append("torch.load of more than weights")
    if owner == "yaml" and function in {"load", "load_all"}:
        loader = keywords.get("Loader", node.args[1] if len(node.args) > 1 else None)
        if not _loaders(loader, module) or not _loaders(loader, module) <= SAFE_LOADERS:
            offences.append("yaml.load without a safe loader")
    return offences


def _name(node: ast.AST | None) -> str:
    """The last part of a name or attribute."""
    return getattr(node, "attr", "") or getattr(node, "id", "")


def _is(node: ast.AST | None, *, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _loaders(node: ast.AST | None, module: ast.Module) -> set[str]:
    """Return every loader that `Loader=` may be: named directly, or assigned to the given name."""
    if node is None:
        return set()
    assigned = [
        statement.value
        for statement in module.body
        if isinstance(statement, ast.Assign)
        and isinstance(node, ast.Name)
        and node.id in {_name(target) for target in statement.targets}
    ]
    inner = [part for value in assigned or [node] for part in ast.walk(value)]
    named = {_name(part) for part in inner}
    named |= {part.value for part in inner if isinstance(part, ast.Constant)}
    return {str(name) for name in named if str(name).endswith("Loader")}


def test_nothing_in_the_package_runs_what_it_reads() -> None:
    for module in PATHS:
        assert find_offences_in(tree(module)) == [], module


@pytest.mark.parametrize(
    "planted",
    [
        "import pickle",
        "import numpy, marshal",
        "def f():\n    import shelve",
        "from dill import loads",
        "from joblib.numpy_pickle import load",
        "np.load(path, allow_pickle=True)",
        "numpy.load(path, mmap_mode='r', allow_pickle=flag)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "yaml.load(text)",
        "yaml.load(text, yaml.Loader)",
        "yaml.load(text, Loader=yaml.FullLoader)",
        "yaml.load_all(text, Loader=chosen)",
        "_LOADER = yaml.UnsafeLoader\nyaml.load(text, Loader=_LOADER)",
        "_LOADER = getattr(yaml, 'CLoader', yaml.BaseLoader)\nyaml.load(text, Loader=_LOADER)",
        "yaml.unsafe_load(text)",
        "from yaml import full_load",
        "from yaml import UnsafeLoader",
        "eval(text)",
        "exec(compile(text, 'x', 'exec'))",
        "__import__(name)",
        "os.system(command)",
        "os.popen(command)",
        "subprocess.run(command, shell=True)",
        "subprocess.Popen(command, shell=flag)",
        "subprocess.getoutput(command)",
    ],
)
def test_a_planted_offence_is_found(planted: str) -> None:
    assert find_offences(planted)


@pytest.mark.parametrize(
    "harmless",
    [
        "re.compile(pattern)",
        "model.eval()",
        "np.load(path, mmap_mode='r')",
        "np.load(path, allow_pickle=False)",
        "torch.load(path, weights_only=True)",
        "yaml.safe_load(text)",
        "yaml.load(text, Loader=yaml.SafeLoader)",
        "yaml.load(text, yaml.BaseLoader)",
        "_LOADER = getattr(yaml, 'CBaseLoader', yaml.BaseLoader)\nyaml.load(text, Loader=_LOADER)",
        "json.loads(text)",
        "subprocess.run([command])",
        "platform.system()",
    ],
)
def test_harmless_code_is_accepted(harmless: str) -> None:
    assert find_offences(harmless) == []
