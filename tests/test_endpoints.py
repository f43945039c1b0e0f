"""Addresses: what the URL of a store tells about its three protocols, and what is refused."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.errors import UsageError
from kg.remote.endpoints import is_endpoint, read_endpoint

HOST = "http://127.0.0.1:7878"


@pytest.mark.parametrize(
    ("path", "server", "query", "update", "data"),
    [
        ("", "", "/query", "/update", "/store"),
        ("/", "", "/query", "/update", "/store"),
        ("/query", "", "/query", "/update", "/store"),
        ("/behind/query", "Oxigraph/0.5.13", "/behind/query", "/behind/update", "/behind/store"),
        ("/sparql", "Oxigraph/0.5.13", "/sparql", "/update", "/store"),
        ("/ds/query", "", "/ds/query", "/ds/update", "/ds/data"),
        ("/ds/sparql", "Apache Jena Fuseki", "/ds/sparql", "/ds/update", "/ds/data"),
        ("/repositories/talks", "", "/repositories/talks", "/repositories/talks/statements",
         "/repositories/talks/rdf-graphs/service"),
        ("/sparql", "", "/sparql", "/sparql", ""),
        ("/sparql", "Virtuoso/07.20.3229 (Linux)", "/sparql", "/sparql-auth", "/sparql-graph-crud-auth"),
        ("/api/default", "qlever", "/api/default", "/api/default", ""),
    ],
)  # fmt: skip
def test_the_path_and_the_name_of_the_server_tell_where_the_three_protocols_are(
    path: str, server: str, query: str, update: str, data: str
):
    found = read_endpoint(f"{HOST}{path}#syria", {}, server=server)
    assert (found.query, found.update, found.name) == (HOST + query, HOST + update, "syria")
    assert found.data == (HOST + data if data else "")
    assert found.url == f"{HOST}{path}#syria"


def test_the_environment_says_where_updates_and_graphs_go_whatever_the_server_is():
    environ = {"KG_UPDATE_URL": "https://write.example/u", "KG_DATA_URL": "https://write.example/d"}
    found = read_endpoint(f"{HOST}/sparql", environ, server="Virtuoso/7")
    assert (found.query, found.update, found.data) == (f"{HOST}/sparql", *environ.values())


@pytest.mark.parametrize("store", ["http://h/x", "https://h", "HTTPS://H/", "file:///x", "ftp://h/x"])
def test_a_url_is_an_endpoint_if_only_to_be_told_what_is_wrong_with_it(store: str):
    assert is_endpoint(store)


@pytest.mark.parametrize("store", ["", "base", "./http:/x", "http:", "c:\\base"])
def test_anything_else_is_a_folder(store: str):
    assert not is_endpoint(store)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://h/x", "not a URL of http or https"),
        ("http://", "names no host"),
        ("http:///x", "names no host"),
        ("http://h:0/x", "names no host or port"),
        ("http://h:x/x", "no host or port that can be read"),
        ("http://h:99999/x", "no host or port that can be read"),
        ("http://[::1/x", "no host or port that can be read"),
        ("http://h/x?default-graph-uri=urn:a", "holds a ?"),
        ("http://h/x y", "may not be in one"),
        ("http://h/x\r\nX: y", "may not be in one"),
        ("http://h/\x1b[31m", "may not be in one"),
        ("http://h\\@other/", "may not be in one"),
        ("http://türkiye.example/", "may not be in one"),
        ("http://h/" + "x" * 3_000, "may not be in one"),
        ("http://h/x#Syria", "the name of a base"),
        ("http://h/x#" + "a" * 41, "the name of a base"),
        ("http://h/x#a/b", "the name of a base"),
    ],
)
def test_what_is_no_url_of_a_store_is_refused_on_one_line(url: str, said: str):
    with pytest.raises(UsageError, match=said.replace("?", r"\?")) as caught:
        read_endpoint(url, {})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "http://ann:s3cret@h/x",
        "http://s3cret@h/x",
        "https://:s3cret@h",
        "http://a:s3cret@@h:x/",
        "ftp://a:s3cret@h",
    ],
)
@pytest.mark.parametrize("variable", ["", "KG_UPDATE_URL", "KG_DATA_URL"])
def test_a_password_in_a_url_is_refused_and_never_repeated(url: str, variable: str):
    with pytest.raises(UsageError) as caught:
        read_endpoint(f"{HOST}/sparql" if variable else url, {variable: url} if variable else {})
    assert "s3cret" not in repr(caught.value)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value)).replace(url, "")


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_after_the_scheme_is_read_or_refused(text: str):
    try:
        found = read_endpoint(f"http://{text}", {})
    except UsageError as error:
        said, read = str(error), ""
    else:
        said, read = "", found.query
    assert said.isprintable()
    assert "@" not in read.partition("://")[2].partition("/")[0]
