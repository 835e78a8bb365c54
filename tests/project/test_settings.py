"""Settings come from arguments, the environment or the file; any other name is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant import bundled
from assistant.errors import SettingsError
from assistant.settings import ENV_PREFIX, Settings, load_settings


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a guide and no settings file, and an environment that sets nothing."""
    import os

    for name in list(os.environ):
        if name.startswith(ENV_PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    Path("corpus").mkdir()
    return tmp_path


def file(text: str) -> None:
    Path("assistant.toml").write_text(text, encoding="utf-8")


def test_with_nothing_set_everything_has_its_default() -> None:
    assert load_settings() == Settings()
    assert load_settings().corpus == Path("corpus")
    assert load_settings().port == 7860


def test_the_environment_beats_the_file_and_an_argument_beats_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file('corpus = "from-file"\nindex = "from-file"\ntitle = "from-file"\nport = 1111\n')
    monkeypatch.setenv("ASSISTANT_INDEX", "from-environment")
    monkeypatch.setenv("ASSISTANT_TITLE", "from-environment")
    monkeypatch.setenv("ASSISTANT_PORT", "2222")
    chosen = load_settings(title="from-argument", port=3333)
    assert chosen.corpus == Path("from-file")
    assert chosen.index == Path("from-environment")
    assert (chosen.title, chosen.port) == ("from-argument", 3333)


def test_an_argument_of_none_leaves_the_setting_to_the_others() -> None:
    file("port = 1111\n")
    assert load_settings(port=None).port == 1111


def test_a_path_may_be_text() -> None:
    assert load_settings(corpus="docs").corpus == Path("docs")


def test_variables_of_other_programs_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "1")
    monkeypatch.setenv("MY_ASSISTANT_PORT", "1")
    assert load_settings().port == 7860


def test_without_a_named_or_present_guide_the_bundled_one_is_used() -> None:
    Path("corpus").rmdir()
    chosen = load_settings()
    assert chosen.uses_bundled_guide
    assert chosen.corpus == bundled.corpus_folder()
    assert chosen.index == bundled.index_folder(chosen.corpus, "")
    assert load_settings(model="another").index != chosen.index
    assert load_settings(port=1).uses_bundled_guide


@pytest.mark.parametrize("named", ["corpus", "index"])
def test_a_named_or_present_guide_or_index_is_used(
    named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("corpus").rmdir()
    assert not load_settings(**{named: "docs"}).uses_bundled_guide
    assert load_settings(**{named: "docs"}).model_dump() == Settings(**{named: "docs"}).model_dump()
    monkeypatch.setenv(f"ASSISTANT_{named.upper()}", named)
    assert load_settings() == Settings()
    monkeypatch.delenv(f"ASSISTANT_{named.upper()}")
    file(f'{named} = "{named}"\n')
    assert load_settings() == Settings()
    Path("assistant.toml").unlink()
    assert load_settings().uses_bundled_guide
    Path(named).mkdir()
    assert load_settings() == Settings()


def test_a_key_to_a_server_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_KEY", "guide_secret")
    assert load_settings() == Settings()


def check(error: SettingsError, *names: str) -> None:
    assert error.exit_code == 2
    assert all(name in error.message for name in names)
    assert error.hint
    assert error.message in str(error)
    assert error.hint in str(error)


def test_an_unknown_setting_is_an_error_in_the_file() -> None:
    file('korpus = "docs"\n')
    with pytest.raises(SettingsError) as raised:
        load_settings()
    check(raised.value, "korpus")
    assert "corpus" in raised.value.hint


def test_an_unknown_setting_is_an_error_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASSISTANT_KORPUS", "docs")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    check(raised.value, "korpus")


def test_an_unknown_setting_is_an_error_as_an_argument() -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(korpus="docs")
    check(raised.value, "korpus")


def test_a_table_in_the_file_is_no_setting() -> None:
    file("[chat]\nport = 1\n")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    check(raised.value, "chat")


@pytest.mark.parametrize("port", ["many", "-1", "65536", "", "1.5"])
def test_an_unusable_value_is_an_error_wherever_it_is_set(
    port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(port=port)
    check(raised.value, "port", port)
    monkeypatch.setenv("ASSISTANT_PORT", port)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    check(raised.value, "port", port)
    monkeypatch.delenv("ASSISTANT_PORT")
    file(f'port = "{port}"\n')
    with pytest.raises(SettingsError) as raised:
        load_settings()
    check(raised.value, "port", port)


def test_text_where_a_path_or_text_belongs_is_not_a_number() -> None:
    file("title = 3\n")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    check(raised.value, "title", "3")


@pytest.mark.parametrize("raw", [b"port = ", b"\xff\xfe", b"port = 1\nport = 2\n"])
def test_a_file_that_cannot_be_read_is_an_error_that_names_it(raw: bytes) -> None:
    Path("assistant.toml").write_bytes(raw)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    check(raised.value, "assistant.toml")


def test_a_folder_in_place_of_the_file_is_an_error() -> None:
    Path("assistant.toml").mkdir()
    with pytest.raises(SettingsError) as raised:
        load_settings()
    check(raised.value, "assistant.toml")


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1


def test_every_setting_has_a_description() -> None:
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize("text", ['index = "a\\u0000b"', 'keys = "\\u0000"', "a = " + "[" * 5000])
def test_an_unusable_settings_file_is_an_error_of_two_lines(text: str) -> None:
    file(text)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert len(str(raised.value).splitlines()) == 2
