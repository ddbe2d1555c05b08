"""The `xiangbo` command as a process of its own: what it does, and one plain line when it can not."""

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import select, text

from catalog.db import Database
from catalog.errors import Invalid
from catalog.models import Role, Station
from shop.models import ApiToken, ShippingRate
from shop.schema import newest_revision
from shop.setup import add_station
from shop.signin import actor_of_token, sign_in
from tests.making import NOON, make_member, make_product, make_station
from tests.serving import COMMAND, free_port, served

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `xiangbo` with these arguments and settings, and a data folder of its own."""

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        given = {"DATA_DIR": str(tmp_path / "data"), **settings}
        return subprocess.run(
            [str(COMMAND), *arguments],
            env={**os.environ, **{f"XIANGBO_{name}": value for name, value in given.items()}},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a command which could not begin has said."""
    assert (done.returncode, done.stdout) == (2, ""), done
    (line,) = done.stderr.splitlines()
    assert line.startswith("xiangbo: ")
    return line.removeprefix("xiangbo: ")


async def stamp(database: Database, revision: str) -> None:
    async with database.writing.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})


async def test_a_first_station_is_set_up_once(run: Run, tmp_path: Path) -> None:
    first = run("init", "--station", "红崖社工站", "--password", "correct horse 9")
    assert (first.returncode, first.stderr) == (0, "")
    assert "Sign in as manager with correct horse 9" in first.stdout
    assert refusal(run("init")).startswith("There is a station already.")
    database = Database.connect(f"sqlite+inloop:///{tmp_path}/data/xiangbo.sqlite3")
    async with database.reading() as session:
        assert list(await session.scalars(select(Station.name))) == ["红崖社工站"]
        assert list(await session.scalars(select(ShippingRate.fee_fen))) == [1000]
    _, member = await sign_in(database, "manager", "correct horse 9", "here", NOON)
    assert member.role == Role.MANAGER
    await database.close()


async def test_one_station_after_another_is_set_up(run: Run, tmp_path: Path) -> None:
    """Nothing that is there is changed, whatever is asked for again."""
    password = ("--password", "correct horse 9")
    names = {"hongya": "红崖社工站", "quanshan": "泉山社工站", "dongba": "东坝社工站"}
    for slug, name in names.items():
        made = run("init", "--slug", slug, "--station", name, "--login", f"{slug}-1", *password)
        assert (made.returncode, made.stderr) == (0, "")
        assert f"Sign in as {slug}-1 with correct horse 9" in made.stdout
    again = run("init", "--slug", "dongba", "--login", "quanshan-1", *password)
    assert refusal(again) == "已经有一个站用 dongba。 登录名 quanshan-1 已经有人用了。"
    assert run("county", *password).returncode == 0
    database = Database.connect(f"sqlite+inloop:///{tmp_path}/data/xiangbo.sqlite3")
    async with database.reading() as session:
        rows = await session.execute(select(Station.slug, Station.name, Station.is_open))
        assert [tuple(row) for row in rows] == [(*one, False) for one in names.items()]
        assert list(await session.scalars(select(ShippingRate.fee_fen))) == [1000] * 3
    for login in (*(f"{slug}-1" for slug in names), "county"):
        _, member = await sign_in(database, login, "correct horse 9", "here", NOON)
        role = Role.COUNTY if login == "county" else Role.MANAGER
        assert (member.login, member.role) == (login, role)
    await database.close()


async def test_a_first_manager_who_could_not_sign_in_is_refused(database: Database) -> None:
    for station, login, password, field in (
        (" ", "manager", "correct horse 9", "name"),
        ("红崖", "M", "correct horse 9", "login"),
        ("红崖", "管理员", "correct horse 9", "login"),
        ("红崖", "manager", "short", "password"),
    ):
        with pytest.raises(Invalid) as refused:
            await add_station(database, "", station, login, password, NOON)
        assert list(refused.value.errors) == [field]
    async with database.reading() as session:
        assert list(await session.scalars(select(Station.id))) == []


def test_what_can_not_be_used_is_said_in_one_line(run: Run) -> None:
    assert refusal(run("init", "--password", "short")) == "密码要 8 到 128 个字符。"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_token_acts_for_its_member(run: Run, database_url: str, database: Database) -> None:
    member = await make_member(database.writing, await make_station(database.writing), Role.MANAGER)
    done = run("token", member.login.upper(), "--name", "till", DATABASE_URL=database_url)
    assert (done.returncode, done.stderr) == (0, "")
    async with database.reading() as session:
        actor = await actor_of_token(session, done.stdout.strip())
    assert actor is not None
    assert actor.member_id == member.id


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_no_token_is_made_for_nobody_or_with_a_name_too_long(
    run: Run, database_url: str, database: Database
) -> None:
    member = await make_member(database.writing, await make_station(database.writing), Role.MANAGER)
    said = refusal(run("token", "nobody", DATABASE_URL=database_url))
    assert said == "there is no active member with the login nobody."
    assert "60" in refusal(
        run("token", member.login, "--name", "x" * 61, DATABASE_URL=database_url)
    )
    async with database.reading() as session:
        assert list(await session.scalars(select(ApiToken.id))) == []


def test_a_port_in_use_is_told(run: Run) -> None:
    assert run("init").returncode == 0
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refusal(run("serve", "--port", str(port)))
    assert said.startswith(f"cannot listen on 127.0.0.1:{port} (Address already in use).")
    assert "--port" in said


def test_an_empty_database_is_told(run: Run) -> None:
    said = "The database is empty. Run `xiangbo init` to set up a station."
    assert refusal(run("serve")) == said


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_an_old_and_a_newer_schema_are_told(
    run: Run, database_url: str, database: Database
) -> None:
    await stamp(database, "0000")
    said = refusal(run("serve", DATABASE_URL=database_url))
    newest = newest_revision()
    assert said == (
        f"The database is at revision 0000, this program needs {newest}. Run `xiangbo migrate`."
    )
    await stamp(database, "9999")
    newer = "The database was made by a newer version of this program. Install that version."
    assert refusal(run("migrate", DATABASE_URL=database_url)) == newer
    await stamp(database, newest)
    done = run("migrate", DATABASE_URL=database_url)
    assert (done.returncode, done.stdout) == (0, "The database is up to date.\n")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"DATA_DIR": "/dev/null/x"}, "XIANGBO_DATA_DIR: cannot write to /dev/null/x ("),
        ({"DATABASE_URL": "mysql://localhost/x"}, "XIANGBO_DATABASE_URL: must begin with"),
        ({"STORAGE_URL": "file:///dev/null/x"}, "XIANGBO_STORAGE_URL: cannot make the folder"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_its_name(
    run: Run, settings: dict[str, str], named: str
) -> None:
    assert refusal(run("serve", **settings)).startswith(named)


def test_a_database_that_is_away_is_told(run: Run) -> None:
    url = f"postgresql://nobody:secret@127.0.0.1:{free_port()}/x"
    for command in ("serve", "init"):
        said = refusal(run(command, DATABASE_URL=url))
        assert said.startswith("XIANGBO_DATABASE_URL: the database does not answer (")
        assert "secret" not in said


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_that_is_not_there_is_told(run: Run, database_url: str) -> None:
    url = database_url.replace("/test_", "/no_test_")
    for command in ("serve", "init"):
        said = refusal(run(command, DATABASE_URL=url))
        assert said.startswith('XIANGBO_DATABASE_URL: the database does not answer (database "no_')


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_an_address_in_postgresqls_own_words_is_taken(
    run: Run, database_url: str, database: Database
) -> None:
    member = await make_member(database.writing, await make_station(database.writing), Role.MANAGER)
    url = database_url + "&sslmode=disable"
    assert run("token", member.login, DATABASE_URL=url).returncode == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_doctor_finds_what_does_not_add_up(
    run: Run, database_url: str, database: Database
) -> None:
    product = await make_product(database.writing)
    done = run("doctor", DATABASE_URL=database_url)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "ok    files",
        "ok    ledger",
        "ok    orders",
        "ok    refunds",
        "ok    books",
        "ok    stock",
        "ok    held",
        "ok    jobs",
        "ok    photos",
        "ok    audit",
        "head  zhongxing",
    ]
    async with database.writing.begin() as session:
        await session.execute(text("UPDATE stock SET on_hand = on_hand + 1"))
    done = run("doctor", DATABASE_URL=database_url)
    assert (done.returncode, done.stderr) == (1, "")
    assert f"FAULT stock: products that do not agree: {product.id}" in done.stdout.splitlines()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_head_that_the_doctor_printed_is_looked_for_in_the_chain(
    run: Run, database_url: str, database: Database
) -> None:
    await make_product(database.writing)
    printed = run("doctor", DATABASE_URL=database_url).stdout.splitlines()[-1]
    head = printed.removeprefix("head  ")
    assert run("doctor", "--head", head, DATABASE_URL=database_url).returncode == 0
    slug, entries, _ = head.split(":")
    other = f"{slug}:{entries}:{'0' * 64}"
    done = run("doctor", "--head", other, DATABASE_URL=database_url)
    assert (done.returncode, done.stderr) == (1, "")
    assert "FAULT audit: stations whose chain is broken: 1" in done.stdout.splitlines()
    done = run("doctor", "--head", "nonsense", DATABASE_URL=database_url)
    assert done.returncode == 2
    assert "not a head as this command prints it" in done.stderr


def alive(process: psutil.Process) -> bool:
    """Whether a process runs; one that has ended and only waits to be buried does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_serving_ends_cleanly_with_all_it_started(database_url: str, tmp_path: Path) -> None:
    with served(database_url, tmp_path) as server:
        assert httpx.get(f"{server.base}/healthz").status_code == 200
        everything = server.processes()
        server.stop()
        assert server.process is not None
        assert server.process.returncode == 0
        assert [process for process in everything if alive(process)] == []
        assert "Traceback" not in server.log.read_text()
