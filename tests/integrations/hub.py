"""A Hub on localhost: what `push_to_hub` and the cards of huggingface_hub ask of one, and nothing more.

It keeps repositories in memory. A repository can be told to refuse: `refusals[repo_id]` is a stage, a status
and what is said; the stages are `any`, `rows` (the commit of files) and `card` (a commit of README.md alone).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit

CARD = "README.md"
_ROUTES = [
    (
        "GET",
        re.compile(r"/api/datasets/(?P<repo>[^/]+(?:/[^/]+)?)(?:/revision/(?P<revision>[^/]+))?"),
        "info",
    ),
    ("POST", re.compile(r"/api/repos/create"), "create"),
    ("POST", re.compile(r"/api/validate-yaml"), "validate"),
    ("POST", re.compile(r"/api/datasets/(?P<repo>[^/]+/[^/]+)/preupload/[^/]+"), "preupload"),
    ("POST", re.compile(r"/datasets/(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch"), "batch"),
    ("PUT", re.compile(r"/lfs/(?P<oid>[0-9a-f]{64})"), "store"),
    ("POST", re.compile(r"/api/datasets/(?P<repo>[^/]+/[^/]+)/commit/[^/]+"), "commit"),
    (
        "GET",
        re.compile(r"/api/datasets/(?P<repo>[^/]+/[^/]+)/tree/(?P<revision>[^/]+)(?:/(?P<under>.+))?"),
        "tree",
    ),
    (
        "POST",
        re.compile(r"/api/datasets/(?P<repo>[^/]+/[^/]+)/paths-info/(?P<revision>[^/]+)"),
        "paths_info",
    ),
    (
        "GET",
        re.compile(r"/datasets/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)"),
        "resolve",
    ),
]


class RefusedError(Exception):
    """What is answered in place of success."""

    def __init__(self, status: int, said: str, code: str = "") -> None:
        super().__init__(said)
        self.status, self.said, self.code = status, said, code


@dataclass
class Repository:
    """The commits of a data set, each with all its files; the first is empty."""

    is_private: bool
    commits: list[dict[str, bytes]] = field(default_factory=lambda: [{}])

    def sha(self, number: int = -1) -> str:
        return f"{number % len(self.commits):040x}"

    def at(self, revision: str) -> dict[str, bytes]:
        return self.commits[-1 if revision == "main" else int(revision, 16)]

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1]


@dataclass
class Hub:
    """What the Hub holds, and what it was asked."""

    endpoint: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    refusals: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)

    def refuse(self, stage: str, repo: str) -> None:
        at, status, said = self.refusals.get(repo, ("", 0, ""))
        if at == stage:
            raise RefusedError(status, said)

    def repository(self, repo: str) -> Repository:
        self.refuse("any", repo)
        if repo not in self.repositories:
            raise RefusedError(404, "Repository not found", "RepoNotFound")
        return self.repositories[repo]

    def info(self, repo: str, revision: str | None, body: bytes) -> dict:
        held = self.repository(repo)
        siblings = [{"rfilename": path} for path in held.at(revision or "main")]
        sha = held.sha() if revision in (None, "main") else revision
        return {"id": repo, "sha": sha, "private": held.is_private, "siblings": siblings, "tags": []}

    def create(self, body: bytes) -> dict:
        asked = json.loads(body)
        repo = f"{asked.get('organization') or 'me'}/{asked['name']}"
        self.refuse("any", repo)
        is_private = asked.get("private") is True or asked.get("visibility") == "private"
        self.repositories[repo] = Repository(is_private)
        return {"url": f"{self.endpoint}/datasets/{repo}", "name": repo, "id": repo}

    def validate(self, body: bytes) -> dict:
        assert json.loads(body)["content"].startswith("---\n")
        return {"errors": [], "warnings": []}

    def preupload(self, repo: str, body: bytes) -> dict:
        self.repository(repo)
        files = [
            {
                "path": one["path"],
                "uploadMode": "lfs" if one["path"].endswith(".parquet") else "regular",
                "shouldIgnore": False,
            }
            for one in json.loads(body)["files"]
        ]
        return {"files": files}

    def batch(self, repo: str, body: bytes) -> dict:
        self.repository(repo)
        objects = [
            one | {"actions": {"upload": {"href": f"{self.endpoint}/lfs/{one['oid']}"}}}
            for one in json.loads(body)["objects"]
        ]
        return {"transfer": "basic", "objects": objects}

    def store(self, oid: str, body: bytes) -> dict:
        assert hashlib.sha256(body).hexdigest() == oid
        self.stored[oid] = body
        return {}

    def commit(self, repo: str, body: bytes) -> dict:
        held = self.repository(repo)
        header, *lines = map(json.loads, body.splitlines())
        self.refuse("card" if [line["value"]["path"] for line in lines] == [CARD] else "rows", repo)
        if header["value"].get("parentCommit", held.sha()) != held.sha():
            raise RefusedError(412, "A commit has happened since")
        files = dict(held.files)
        for line in lines:
            value = line["value"]
            match line["key"]:
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    files[value["path"]] = self.stored[value["oid"]]
                case "deletedFile":
                    del files[value["path"]]
                case key:
                    raise AssertionError(key)
        held.commits.append(files)
        url = f"{self.endpoint}/datasets/{repo}/commit/{held.sha()}"
        return {"success": True, "commitUrl": url, "commitOid": held.sha()}

    def tree(self, repo: str, revision: str, under: str | None, body: bytes) -> list[dict]:
        files = self.repository(repo).at(revision)
        prefix = f"{unquote(under)}/" if under else ""
        inside = {path: data for path, data in files.items() if path.startswith(prefix)}
        if prefix and not inside:
            raise RefusedError(404, "no such path", "EntryNotFound")
        folders = {path[: at.start()] for path in inside for at in re.finditer("/", path)} - {prefix[:-1]}
        listed = [_folder(path) for path in sorted(folders) if path.startswith(prefix)]
        return listed + [_file(path, data) for path, data in inside.items()]

    def paths_info(self, repo: str, revision: str, body: bytes) -> list[dict]:
        files = self.repository(repo).at(revision)
        paths = parse_qs(body.decode())["paths"]
        known = [_file(path, files[path]) for path in paths if path in files]
        return known + [_folder(path) for path in paths if any(file.startswith(f"{path}/") for file in files)]

    def resolve(self, repo: str, revision: str, path: str, body: bytes) -> bytes:
        files = self.repository(repo).at(revision)
        if unquote(path) not in files:
            raise RefusedError(404, "Entry not found", "EntryNotFound")
        return files[unquote(path)]


def _oid(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def _file(path: str, data: bytes) -> dict:
    return {"type": "file", "path": path, "size": len(data), "oid": _oid(data)}


def _folder(path: str) -> dict:
    return {"type": "directory", "path": path, "oid": _oid(path.encode()), "size": 0}


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            hub.tokens.add(self.headers.get("Authorization", ""))
            path = urlsplit(self.path).path
            method = "GET" if self.command == "HEAD" else self.command
            matches = ((name, pattern.fullmatch(path)) for known, pattern, name in _ROUTES if known == method)
            name, at = next(((name, at) for name, at in matches if at), ("", None))
            if at is None:
                hub.unknown.append(f"{self.command} {self.path}")
                return self._answer(404, b"{}", {})
            try:
                answer = getattr(hub, name)(**at.groupdict(), body=body)
            except RefusedError as refused:
                headers = {"X-Error-Code": refused.code} if refused.code else {}
                said = json.dumps({"error": refused.said}).encode()
                return self._answer(refused.status, said, headers)
            if isinstance(answer, bytes):
                revision = at["revision"]
                sha = hub.repositories[at["repo"]].sha() if revision == "main" else revision
                headers = {"ETag": f'"{_oid(answer)}"', "X-Repo-Commit": sha}
                return self._answer(200, answer, headers)
            return self._answer(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

        do_GET = do_HEAD = do_POST = do_PUT = _do  # noqa: N815  (the names that http.server looks for)

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing of a request."""

    return Handler


@contextmanager
def serving() -> Iterator[Hub]:
    """Yields a Hub that answers at its endpoint."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
