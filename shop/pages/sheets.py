"""A table as a file to keep."""

from urllib.parse import quote

from litestar import Response

from catalog.errors import NotFound
from shop.sheets import CSV_TYPE, XLSX_TYPE, Sheet, to_csv, to_xlsx

_KINDS = {"csv": (to_csv, CSV_TYPE), "xlsx": (to_xlsx, XLSX_TYPE)}


def answer_sheet(sheet: Sheet, file: str) -> Response[bytes]:
    """The sheet as what the end of `file` asks for, named by its title. Raises NotFound."""
    ending = file.rpartition(".")[2]
    if ending not in _KINDS:
        raise NotFound(f"file {file[:40]}")
    write, media_type = _KINDS[ending]
    name = f"attachment; filename=\"{file}\"; filename*=UTF-8''{quote(f'{sheet.title}.{ending}')}"
    return Response(write(sheet), media_type=media_type, headers={"Content-Disposition": name})
