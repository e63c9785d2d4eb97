"""Where a runtime looks for the file of its handler, and what is said of a zip that does not have it."""

import pytest

from bluegreen.request.handler_file import missing
from bluegreen.request.package import Contents


def lacks(runtime: str, handler: str, *files: str, links: tuple[str, ...] = ()) -> str:
    return missing(runtime, handler, Contents(frozenset({*files, *links}), frozenset(links)))


@pytest.mark.parametrize(
    ("runtime", "handler", "file"),
    [
        ("python3.14", "index.handler", "index.py"),
        ("python3.14", "shop.api.handler", "shop/api.py"),
        ("python3.14", "shop/api.handler", "shop/api.py"),
        ("python3.14", "shop.api.handler", "shop/api/__init__.py"),
        ("python3.14", "index.handler", "index.pyc"),
        ("python3.14", "index.handler", "index.cpython-314-aarch64-linux-gnu.so"),
        ("python3.14", "index.handler", "index.abi3.so"),
        ("python3.14", "index.handler", "index.so"),
        ("nodejs24.x", "index.handler", "index.js"),
        ("nodejs24.x", "index.handler", "index.mjs"),
        ("nodejs24.x", "index.handler", "index.cjs"),
        ("nodejs24.x", "index.handler", "index"),
        ("nodejs24.x", "index.handler", "index/index.js"),
        ("nodejs24.x", "dist/src/index.api.handler", "dist/src/index.js"),
        ("nodejs24.x", "./dist//index.handler", "dist/index.mjs"),
        ("nodejs24.x", "/var/task/dist/index.handler", "dist/index.mjs"),
        ("nodejs24.x", "shop.handler", "node_modules/shop/package.json"),
        ("nodejs24.x", "shop.handler", "node_modules/shop.js"),
        ("ruby3.4", "index.handler", "index.rb"),
        ("ruby3.4", "lib/shop.Api.handler", "lib/shop.rb"),
        ("provided.al2023", "anything", "bootstrap"),
    ],
)
def test_a_file_that_the_runtime_finds_is_there(runtime: str, handler: str, file: str) -> None:
    assert lacks(runtime, handler, "readme.md", file) == ""


@pytest.mark.parametrize(
    ("runtime", "handler", "wanted"),
    [
        ("python3.14", "index.handler", "index.py"),
        ("python3.14", "shop.api.handler", "shop/api.py"),
        ("nodejs24.x", "src/index.handler", "src/index.js (or .mjs, .cjs)"),
        ("ruby3.4", "index.handler", "index.rb"),
        ("provided.al2023", "hello", "bootstrap"),
    ],
)
@pytest.mark.parametrize(
    "files", [("shop/index.py", "code/index.js", "src/bootstrap"), ("index.ts", "xindex.py", "Index.rb")]
)
def test_a_file_that_no_folder_of_the_search_has_is_missing(
    runtime: str, handler: str, wanted: str, files: tuple[str, ...]
) -> None:
    assert lacks(runtime, handler, *files) == wanted


@pytest.mark.parametrize(
    ("runtime", "handler"),
    [
        ("java25", "shop.Api::handle"),
        ("dotnet10", "Shop::Shop.Api::Handle"),
        ("", ""),
        ("cobol85", "index.handler"),
        ("python3.14", "handler"),
        ("nodejs24.x", "handler"),
        ("nodejs24.x", "/opt/nodejs/node_modules/shop/dist/handler.handler"),
        ("nodejs24.x", "../index.handler"),
        ("ruby3.4", "handler"),
    ],
)
def test_a_handler_that_the_runtime_looks_for_elsewhere_is_not_missing(runtime: str, handler: str) -> None:
    assert lacks(runtime, handler, "readme.md") == ""


@pytest.mark.parametrize("link", ["shop", "shop/api"])
def test_what_lies_behind_a_symbolic_link_may_be_there(link: str) -> None:
    assert lacks("python3.14", "shop.api.handler", links=(link,)) == ""


def test_a_handler_is_not_read_as_a_regular_expression() -> None:
    assert lacks("python3.14", "a+(b.handler", "aab.py") == "a+(b.py"
