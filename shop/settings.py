"""The one place that reads the environment. Everything else is handed values."""

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from media.storage import Storage, StorageUnavailable
from shop.channels import Channel, read_channels
from shop.errors import StartupError

PREFIX = "XIANGBO_"

_DATABASES = {
    "sqlite": "sqlite+inloop",
    "sqlite+inloop": "sqlite+inloop",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
_BROKERS = ("filesystem", "redis", "rediss", "amqp", "amqps")
_REDIS = ("redis", "rediss")
_PUBLIC_URL = re.compile(
    r"https?://([\w.-]+|\[[0-9a-f:]+\])(:\d{1,5})?/?", re.ASCII | re.IGNORECASE
)
_STRIPE_KEY = re.compile(r"(sk|rk)_(test|live)_\w+", re.ASCII)
LEAST_SECRET = 32


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says, checked. `secret_key` signs; it is never shown or logged."""

    data_dir: Path
    database_url: str
    broker_url: str
    redis_url: str
    storage_url: str
    public_url: str
    secret_key: str
    stripe_api_key: str
    stripe_webhook_secret: str
    channels: tuple[Channel, ...]
    port: int

    @property
    def local_url(self) -> str:
        """How programs on this machine reach the web server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def broker_dir(self) -> Path:
        """Where Celery's filesystem transport keeps its messages."""
        return self.data_dir / "broker"

    @property
    def embedded_broker(self) -> bool:
        """Whether background work is this machine's own affair, beside the web server."""
        return self.broker_url.startswith("filesystem")


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment, or from the file that XIANGBO_ENV_FILE names beneath it.

    Raises StartupError with one plain line that names the setting at fault.
    """
    given = dict(os.environ if environ is None else environ)
    values = {**_env_file(given.get(PREFIX + "ENV_FILE", "")), **given}

    def value(name: str, default: str = "") -> str:
        return values.get(PREFIX + name, "").strip() or default

    data_dir = Path(value("DATA_DIR", "data")).absolute()
    port = _port(value("PORT", "8000"))
    stripe_key, stripe_secret = value("STRIPE_API_KEY"), value("STRIPE_WEBHOOK_SECRET")
    _check_stripe(stripe_key, stripe_secret)
    _make_data_dir(data_dir)
    return Settings(
        data_dir=data_dir,
        database_url=_database_url(value("DATABASE_URL", f"sqlite:///{data_dir}/xiangbo.sqlite3")),
        broker_url=_broker_url(value("BROKER_URL", "filesystem://")),
        redis_url=_redis_url(value("REDIS_URL")),
        storage_url=_storage_url(value("STORAGE_URL", (data_dir / "files").as_uri())),
        public_url=_public_url(value("PUBLIC_URL", f"http://127.0.0.1:{port}")),
        secret_key=_secret_key(value("SECRET_KEY"), data_dir),
        stripe_api_key=stripe_key,
        stripe_webhook_secret=stripe_secret,
        channels=_channels(value("NOTICE_URLS")),
        port=port,
    )


def _env_file(name: str) -> dict[str, str]:
    if not name:
        return {}
    try:
        lines = Path(name).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise StartupError(
            f"XIANGBO_ENV_FILE: cannot read {name} ({error.strerror}). Correct the path."
        ) from error
    except UnicodeDecodeError as error:
        raise StartupError(f"XIANGBO_ENV_FILE: {name} is not a text in UTF-8.") from error
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, value in pairs}


def _port(typed: str) -> int:
    if not typed.isdecimal() or not 1 <= int(typed) <= 65535:
        raise StartupError("XIANGBO_PORT: must be a number from 1 to 65535.")
    return int(typed)


def _database_url(url: str) -> str:
    scheme, _, rest = url.partition("://")
    if scheme not in _DATABASES or not _address(_DATABASES[scheme], rest):
        raise StartupError(
            "XIANGBO_DATABASE_URL: must begin with sqlite:/// or postgresql://; correct it or "
            "leave it out for SQLite in the data folder."
        )
    return f"{_DATABASES[scheme]}://{rest}"


def _address(scheme: str, rest: str) -> bool:
    """Whether what stands behind the scheme of a database can be one's address."""
    if scheme.startswith("sqlite"):
        return len(rest) > 1 and rest.startswith("/")
    try:
        return urlsplit(f"{scheme}://{rest}").port != 0 and rest != ""
    except ValueError:
        return False


def _broker_url(url: str) -> str:
    scheme, colon, _ = url.partition("://")
    if not colon or scheme not in _BROKERS:
        raise StartupError(
            "XIANGBO_BROKER_URL: must begin with redis:// or amqp://; correct it or leave it out "
            "for the broker in the data folder."
        )
    return url


def _redis_url(url: str) -> str:
    """Where web processes tell each other of changes; "" when they do not."""
    scheme, _, rest = url.partition("://")
    if url and (scheme not in _REDIS or not _address(scheme, rest)):
        raise StartupError(
            "XIANGBO_REDIS_URL: must be an address like redis://127.0.0.1:6379/0; correct it or "
            "leave it out, then other processes' changes show within a second."
        )
    return url


def _storage_url(url: str) -> str:
    try:
        Storage.open(url)
    except (ValueError, StorageUnavailable) as error:
        raise StartupError(
            f"XIANGBO_STORAGE_URL: {error}. Correct it, or leave it out for the data folder."
        ) from error
    return url


def _public_url(url: str) -> str:
    if not _PUBLIC_URL.fullmatch(url):
        raise StartupError(
            "XIANGBO_PUBLIC_URL: must be the address buyers use, like https://shop.example.org, "
            "with no path behind it."
        )
    return url.rstrip("/")


def _channels(typed: str) -> tuple[Channel, ...]:
    try:
        return read_channels(typed)
    except ValueError as error:
        raise StartupError(f"XIANGBO_NOTICE_URLS: {error}.") from error


def _check_stripe(key: str, secret: str) -> None:
    if key and not _STRIPE_KEY.fullmatch(key):
        raise StartupError("XIANGBO_STRIPE_API_KEY: is not a Stripe secret key (sk_… or rk_…).")
    if secret and not secret.startswith("whsec_"):
        raise StartupError("XIANGBO_STRIPE_WEBHOOK_SECRET: is not a signing secret (whsec_…).")
    if bool(key) != bool(secret):
        missing = "WEBHOOK_SECRET" if key else "API_KEY"
        raise StartupError(f"XIANGBO_STRIPE_{missing}: is missing; Stripe needs both settings.")


def _make_data_dir(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        probe = data_dir / f".write-{secrets.token_hex(4)}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StartupError(
            f"XIANGBO_DATA_DIR: cannot write to {data_dir} ({error.strerror}). "
            "Give this user the right to, or name another folder."
        ) from error


def _secret_key(given: str, data_dir: Path) -> str:
    if given:
        if len(given) < LEAST_SECRET:
            raise StartupError(
                f"XIANGBO_SECRET_KEY: needs at least {LEAST_SECRET} characters; make one with "
                "`openssl rand -hex 32`, or leave it out to have one kept in the data folder."
            )
        return given
    path = data_dir / "secret_key"
    try:
        if not path.exists():
            _make_secret_key(path)
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(
            f"XIANGBO_SECRET_KEY: cannot use {path} ({error}). Give this user the right to."
        ) from error
    if len(key) < LEAST_SECRET:
        raise StartupError(
            f"XIANGBO_SECRET_KEY: {path} holds no key. Bring it back from a backup, or delete the "
            "file to have a new one; everybody then signs in again."
        )
    return key


def _make_secret_key(path: Path) -> None:
    """Keep a new key at `path`: whole or not at all, and the first one of two starts at once."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink()
