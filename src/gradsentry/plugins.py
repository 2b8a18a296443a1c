"""Attacks, defences, checks and generators of one's own: who names them, and which fault is theirs.

A module registers its own with the decorators that ours are registered with. It is imported where it is
named, by `--plugin FILE_OR_MODULE`, or where something that its package declares as an entry point is asked
for by name. Nothing is imported because it is installed.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Generic, Literal, TypeVar

from pydantic import ValidationError

from gradsentry.errors import GradSentryError, SettingsError, meaning_to_say, said
from gradsentry.extras import missing_module

Kind = Literal["attack", "defence", "check", "generator"]
Thing = TypeVar("Thing")

_PACKAGE = "gradsentry"
_MEND = "mend the plugin"
_DECORATORS = "@register, @register_check or @register_generator"


@dataclass(frozen=True)
class Registered:
    """What a module from outside of the package registered."""

    kind: Kind
    name: str
    thing: object


_FOREIGN: dict[tuple[Kind, str], Registered] = {}


class Registry(dict[str, Thing], Generic[Thing]):
    """What there is of a kind, by name. Packages declare more in the entry points `gradsentry.KINDs`.

    Args:
        kind: What it holds.
    """

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self._kind: Kind = kind
        self.group = f"{_PACKAGE}.{kind}s"

    def add(self, name: str, thing: Thing) -> None:
        """Enters something under a name; what the same file entered before gives way to it.

        Raises:
            SettingsError: If something of another file has that name.
        """
        if name in self and _file_of(self[name]) != _file_of(thing):
            taken = f"the {self._kind} {name!r} is there already, in {_file_of(self[name]).name}"
            raise SettingsError(taken, mend="give yours a name of its own")
        self[name] = thing
        if _is_foreign(thing):
            _FOREIGN[self._kind, name] = Registered(self._kind, name, thing)

    def under(self, name: str) -> Callable[[Thing], Thing]:
        """Returns a decorator that enters a function under a name; see `add`."""

        def entered(thing: Thing) -> Thing:
            self.add(name, thing)
            return thing

        return entered

    def named(self, name: str, *, where: str = "") -> Thing:
        """Returns what has that name; where nothing has, the package that declares it is imported.

        Raises:
            SettingsError: If there is none, or the package fails.
        """
        if name not in self:
            declared = entry_points(group=self.group)
            if name not in declared.names:
                known = ", ".join([*self, *sorted(declared.names - self.keys())])
                guess = meaning_to_say(name, [*self, *declared.names])
                mend = f"{guess}known: {known or 'none'}; one of your own: --plugin FILE_OR_MODULE"
                raise SettingsError(f"no {self._kind} is named {name!r}", where=where, mend=mend)
            self._load(declared[name])
        return self[name]

    def load_declared(self) -> None:
        """Imports all that packages declare, to list it.

        Raises:
            SettingsError: If a package fails.
        """
        for one in entry_points(group=self.group):
            if one.name not in self:
                self._load(one)

    def _load(self, entry: EntryPoint) -> None:
        package = f" of {entry.dist.name} {entry.dist.version}" if entry.dist else ""
        where = f"entry point {entry.name} ({self.group}){package}"
        _imported(entry.load, where)
        if entry.name not in self:
            mend = f"decorate {entry.value} with {_DECORATORS}, under the name of the entry point"
            raise SettingsError(f"it registers no {self._kind} of that name", where=where, mend=mend)


@dataclass(frozen=True)
class Plugin:
    """A module that was named as a plugin.

    Attributes:
        named: As it was named.
        registered: What it registers.
    """

    named: str
    registered: tuple[Registered, ...]

    def names(self, kind: Kind) -> tuple[str, ...]:
        """Returns the names of what it registers of a kind."""
        return tuple(one.name for one in self.registered if one.kind == kind)


def load_plugin(named: str) -> Plugin:
    """Returns what a module registers, after importing it: its code runs.

    Args:
        named: A file of Python, or the name of a module that can be imported from the working directory.

    Raises:
        SettingsError: If it is missing, fails or registers nothing; it says where and why.
    """
    where, before = f"--plugin {named}", dict(_FOREIGN)
    path = Path(named)
    if path.suffix != ".py":
        module = _imported(lambda: _from_name(named), where)
    elif path.is_file():
        module = _imported(lambda: _from_file(path.resolve()), where)
    else:
        raise SettingsError("there is no such file", where=where, mend="name a file of Python, or a module")
    new = [one for key, one in _FOREIGN.items() if before.get(key) is not one]
    found = [one for one in _FOREIGN.values() if one in new or _is_of(one.thing, module.__name__)]
    if not found:
        mend = f"decorate them with {_DECORATORS}"
        raise SettingsError("it registers no attack, defence, check or generator", where=where, mend=mend)
    return Plugin(named, tuple(found))


def refuse_incomplete(given: object, base: type, named: Sequence[str]) -> None:
    """Refuses what cannot be registered.

    Args:
        given: What is to be.
        base: The class that it must be derived from.
        named: The class attributes that it must have.

    Raises:
        SettingsError: With what is missing.
    """
    if not (isinstance(given, type) and issubclass(given, base)):
        raise SettingsError(f"{described(given)} is no class of {base.__name__}", mend="derive it from that")
    lacking = [*(one for one in named if not hasattr(given, one)), *sorted(_abstract(given))]
    if lacking:
        what = f"{described(given)} lacks {', '.join(lacking)}"
        raise SettingsError(what, mend=f"give it what {base.__name__} asks for")


def _abstract(given: type) -> frozenset[str]:
    found: frozenset[str] = getattr(given, "__abstractmethods__", frozenset())
    return found


def code_of(*things: object) -> str:
    """Returns the SHA-256 of the files that hold some classes or functions; empty where all are ours."""
    files = sorted({_file_of(one) for one in things if _is_foreign(one)})
    return hashlib.sha256(b"".join(_content(file) for file in files)).hexdigest() if files else ""


def versions() -> dict[str, str]:
    """Returns what is registered from outside of the package, and of each the SHA-256 of its file."""
    return {f"{one.kind} {one.name}": f"sha256:{code_of(one.thing)}" for one in _FOREIGN.values()}


def described(thing: object) -> str:
    """Returns what a person calls a class or function: its name, and the file, where it is a plugin's."""
    name = str(getattr(thing, "__name__", thing))
    return f"{name} in {origin(thing)}" if _is_foreign(thing) else name


def origin(thing: object) -> str:
    """Returns the file that a plugin's class or function stands in; nothing of what is ours."""
    return _file_of(thing).name if _is_foreign(thing) else ""


def blamed(error: Exception) -> SettingsError | None:
    """Returns what an exception means that came through the code of a plugin; None of any other."""
    place = place_of(error)
    if not place or isinstance(error, GradSentryError):
        return None
    return SettingsError(_told(error), where=place, mend=_MEND)


def _told(error: BaseException) -> str:
    """Returns an error in a line; of settings that are wrong which, and what is wrong with it."""
    if not isinstance(error, ValidationError):
        return said(error)
    problem = error.errors()[0]
    key = ".".join(map(str, problem["loc"]))
    return f"{type(error).__name__}: {error.title}.{key}: {problem['msg']}"


def place_of(error: Exception) -> str:
    """Returns file and line of the last code of a plugin that an exception came through, or nothing."""
    files = {str(_file_of(one.thing)) for one in _FOREIGN.values()}
    return _last_place(error, lambda file: file in files)


def _imported(load: Callable[[], Thing], where: str) -> Thing:
    """Returns what an import gives; whatever it raises is told in a line."""
    try:
        return load()
    except GradSentryError as error:
        at = _place_at_import(error)
        raise SettingsError(error.what, where=f"{where} ({at})" if at else where, mend=error.mend) from None
    except (Exception, SystemExit) as error:
        lacking = missing_module(error) if isinstance(error, ModuleNotFoundError) else None
        if lacking is not None:
            raise SettingsError(lacking.what, where=where, mend=lacking.mend) from None
        at = _place_at_import(error)
        raise SettingsError(f"{_told(error)}{f' ({at})' if at else ''}", where=where, mend=_MEND) from None


def _from_name(name: str) -> ModuleType:
    # As `python -m` finds it; last, so that nothing there takes the place of another module.
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    return importlib.import_module(name)


def _from_file(path: Path) -> ModuleType:
    """Returns the module in a file, run anew; what lies beside it can be imported by it."""
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    name = f"{_PACKAGE}_plugin_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:  # no suffix but .py comes here, which has a loader
        raise ImportError(f"{path.name} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _last_place(error: BaseException, is_meant: Callable[[str], bool]) -> str:
    frames = [one for one in traceback.extract_tb(error.__traceback__) if is_meant(one.filename)]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _place_at_import(error: BaseException) -> str:
    """Returns the last line of what is imported, and lies beside the module that is, or nothing."""
    ours = (Path(__file__).parent, Path(importlib.__file__).parent)
    frames = [Path(one.filename) for one in traceback.extract_tb(error.__traceback__)]
    outside = [one for one in frames if one.is_absolute() and not any(map(one.is_relative_to, ours))]
    return _last_place(error, lambda file: Path(file).parent == outside[0].parent) if outside else ""


def _is_of(thing: object, module: str) -> bool:
    home = str(getattr(thing, "__module__", ""))
    return home == module or home.startswith(f"{module}.")


def _is_foreign(thing: object) -> bool:
    return not _is_of(thing, _PACKAGE)


def _file_of(thing: object) -> Path:
    """Returns the file of a class or function; what was typed in has none, and is named by its module."""
    module = str(getattr(thing, "__module__", ""))
    return Path(getattr(sys.modules.get(module), "__file__", None) or module)


def _content(file: Path) -> bytes:
    return file.read_bytes() if file.is_file() else str(file).encode()
