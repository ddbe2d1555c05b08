"""Settings: what the environment says, and one plain line for what it can not say."""

import os
from pathlib import Path

import pytest

from shop.errors import StartupError
from shop.settings import Settings, read_settings

STRIPE = {"STRIPE_API_KEY": "sk_test_abc", "STRIPE_WEBHOOK_SECRET": "whsec_abc"}


def read(folder: Path, **given: str) -> Settings:
    values = {"DATA_DIR": str(folder / "data"), **given}
    return read_settings({f"XIANGBO_{name}": value for name, value in values.items()})


def refusal(folder: Path, **given: str) -> str:
    with pytest.raises(StartupError) as refused:
        read(folder, **given)
    text = str(refused.value)
    assert "\n" not in text
    assert text.endswith((".", ").", "(sk_… or rk_…)."))
    return text


def test_with_no_settings_all_is_kept_in_the_data_folder(tmp_path: Path) -> None:
    settings = read(tmp_path)
    data = tmp_path / "data"
    assert settings.data_dir == data
    assert settings.database_url == f"sqlite+inloop:///{data}/xiangbo.sqlite3"
    assert settings.storage_url == f"file://{data}/files"
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.embedded_broker
    assert settings.stripe_api_key == ""


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("PORT", ["0", "65536", "-1", "8000.0", "http", "²", "80 80"]),
        (
            "DATABASE_URL",
            [
                "mysql://localhost/x",
                "xiangbo.sqlite3",
                "sqlite:",
                "sqlite://",
                "sqlite:///",
                "sqlite://relative.sqlite3",
                "postgresql",
                "postgresql://",
                "postgresql://localhost:port/x",
                "postgresql://localhost:99999/x",
                "postgresql://[::1/x",
            ],
        ),
        (
            "REDIS_URL",
            ["redis", "redis://", "amqp://localhost", "redis:/localhost", "redis://h:x/0", "-"],
        ),
        ("BROKER_URL", ["redis", "amqp", "redis:/localhost", "kafka://localhost", "://", "-"]),
        (
            "STORAGE_URL",
            ["files", "/srv/files", "ftp://host/x", "s3://", "s3", "://x", "file:///dev/null/x"],
        ),
        (
            "PUBLIC_URL",
            [
                "shop.example.org",
                "ftp://shop.example.org",
                "https://",
                "https://shop.example.org/shop",
                "https://shop.example.org/?a=b",
                "https://shop.example.org#a",
                "https://shop.example.org:port",
                "https://[::1",
                "https://user@shop.example.org",
                "https://shop example.org",
            ],
        ),
        ("SECRET_KEY", ["short", "k" * 31]),
        (
            "NOTICE_URLS",
            ["sms.example.org", "json://h/all", "staff=json://h json://h/all", "staff="],
        ),
        ("ENV_FILE", ["/nowhere/at/all", "/"]),
    ],
)
def test_a_wrong_value_is_named_in_one_line(tmp_path: Path, name: str, wrong: list[str]) -> None:
    for value in wrong:
        assert refusal(tmp_path, **{name: value}).startswith(f"XIANGBO_{name}: "), value


def test_stripe_needs_two_settings_of_the_right_kind(tmp_path: Path) -> None:
    assert read(tmp_path, **STRIPE).stripe_webhook_secret == "whsec_abc"
    for name, value in (
        ("STRIPE_API_KEY", ""),
        ("STRIPE_API_KEY", "pk_test_abc"),
        ("STRIPE_API_KEY", "sk_test_"),
        ("STRIPE_API_KEY", "sk_live_a-b"),
        ("STRIPE_API_KEY", "sk_live_钥匙 x"),
        ("STRIPE_WEBHOOK_SECRET", ""),
        ("STRIPE_WEBHOOK_SECRET", "abc"),
    ):
        text = refusal(tmp_path, **{**STRIPE, name: value})
        assert text.startswith(f"XIANGBO_{name}: ")
        assert value == "" or value not in text


@pytest.mark.parametrize(
    ("name", "given", "read_as"),
    [
        ("database_url", "postgres://u:p@h/x", "postgresql+asyncpg://u:p@h/x"),
        ("database_url", "postgresql://u:p@h:5432/x", "postgresql+asyncpg://u:p@h:5432/x"),
        ("database_url", "sqlite:////srv/x.sqlite3", "sqlite+inloop:////srv/x.sqlite3"),
        ("broker_url", "redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("storage_url", "s3://bucket/prefix", "s3://bucket/prefix"),
        ("public_url", "https://shop.example.org/", "https://shop.example.org"),
        ("public_url", "http://[::1]:8000", "http://[::1]:8000"),
        ("public_url", " http://127.0.0.1:8000 ", "http://127.0.0.1:8000"),
        ("secret_key", "k" * 32, "k" * 32),
    ],
)
def test_a_right_value_is_taken(tmp_path: Path, name: str, given: str, read_as: str) -> None:
    assert getattr(read(tmp_path, **{name.upper(): given}), name) == read_as


def test_a_data_folder_that_can_not_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file" / "data", Path("/dev/null/data"), tmp_path / "file"):
        text = refusal(tmp_path, DATA_DIR=str(folder))
        assert text.startswith(f"XIANGBO_DATA_DIR: cannot write to {folder} (")


def test_a_read_only_data_folder_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o500)
    if os.geteuid() == 0:
        # Root may write anywhere but where the kernel itself says no.
        folder = Path("/sys")
    text = refusal(tmp_path, DATA_DIR=str(folder))
    assert text.startswith(f"XIANGBO_DATA_DIR: cannot write to {folder} (")


def test_a_data_folder_may_have_any_name(tmp_path: Path) -> None:
    for name in ("my data", "数据", "a#b", "a%41b"):
        read(tmp_path, DATA_DIR=str(tmp_path / name))
        assert (tmp_path / name / "files").is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ("my data", "数据", "a#b", "a%41b")
    )


def test_the_secret_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = read(tmp_path).secret_key
    kept = tmp_path / "data" / "secret_key"
    assert len(first) == 64
    assert kept.read_text() == first
    assert kept.stat().st_mode & 0o777 == 0o600
    assert read(tmp_path).secret_key == first
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["files", "secret_key"]
    assert read(tmp_path / "other").secret_key != first
    assert read(tmp_path, SECRET_KEY="k" * 32).secret_key == "k" * 32
    assert kept.read_text() == first


def test_a_secret_key_that_was_lost_is_not_made_up_or_empty(tmp_path: Path) -> None:
    """As after a full disk: an empty key would let anybody sign anything."""
    kept = tmp_path / "data" / "secret_key"
    kept.parent.mkdir()
    for content in (b"", b"short", b"\xff" * 64):
        kept.write_bytes(content)
        assert refusal(tmp_path).startswith("XIANGBO_SECRET_KEY: ")
        assert kept.read_bytes() == content
    kept.unlink()
    kept.mkdir()
    assert refusal(tmp_path).startswith("XIANGBO_SECRET_KEY: ")


def test_a_file_may_give_what_the_environment_does_not(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(
        "# a comment = nothing\n"
        "XIANGBO_PORT=9000\n"
        "\n"
        'XIANGBO_PUBLIC_URL = "https://shop.example.org"\n'
        "XIANGBO_SECRET_KEY='" + "=" * 32 + "'\n"
        "nonsense\n"
    )
    settings = read(tmp_path, ENV_FILE=str(file))
    assert (settings.port, settings.public_url) == (9000, "https://shop.example.org")
    assert settings.secret_key == "=" * 32
    assert read(tmp_path, ENV_FILE=str(file), PORT="9001").port == 9001
    file.write_bytes(b"XIANGBO_PORT=9000\n\xff\xfe")
    assert refusal(tmp_path, ENV_FILE=str(file)).startswith("XIANGBO_ENV_FILE: ")


def test_nothing_but_our_own_variables_is_read(tmp_path: Path) -> None:
    folder = str(tmp_path / "data")
    settings = read_settings({"XIANGBO_DATA_DIR": folder, "PORT": "1", "DATABASE_URL": "x"})
    assert settings.port == 8000
