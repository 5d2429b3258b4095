"""The documents of an embedded store in memory: by `_id`, and the ledger by guild."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from giftping.store.base import SCHEMA_VERSION
from giftping.store.documents import COLLECTIONS, LEDGER, META, SCHEMA_ID

Operation = tuple[Literal["put"], str, Mapping[str, Any]] | tuple[Literal["remove"], str, str]
"""One change: a document written whole, or the `_id` of one removed."""

Batch = Sequence[Operation]
"""Changes that are made together or not at all."""

_SHARED = 4096
"""How many texts, and how many objects, are kept to be shared."""


class CompactDocument(Mapping[str, Any]):
    """A document that never changes and shares its field names with others; a third of the size of a dict."""

    __slots__ = ("_names", "_values")

    def __init__(self, names: tuple[str, ...], values: tuple[Any, ...]) -> None:
        self._names = names
        self._values = values

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[self._names.index(name)]
        except ValueError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def plain(self) -> dict[str, Any]:
        """The document as a dict of its own."""
        return dict(zip(self._names, self._values, strict=True))


class Compactor:
    """Makes compact documents that share what was equal in the documents made shortly before."""

    def __init__(self) -> None:
        self._shapes: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._strings: dict[str, str] = {}
        self._objects: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}

    def compact(self, document: Mapping[str, Any]) -> CompactDocument:
        """The document in its compact form."""
        if len(self._strings) > _SHARED:
            self._strings.clear()
        if len(self._objects) > _SHARED:
            self._objects.clear()
        share = self._strings.setdefault
        names = tuple(document)
        values = tuple(
            [
                share(value, value) if type(value) is str else self._object(value) if type(value) is dict else value
                for value in document.values()
            ]
        )
        return CompactDocument(self._shapes.setdefault(names, names), values)

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        """The object, or one that is equal to it: what most guilds have looked at first is the same."""
        # Of texts alone: 1 and true are equal, and not the same.
        is_plain = all(type(one) is str for one in value.values())
        return self._objects.setdefault(tuple(value.items()), value) if is_plain else value


class Tables:
    """All documents of a store. `foreign` holds tables that giftping does not know, to be kept as they are."""

    def __init__(self) -> None:
        self.foreign: dict[str, Mapping[str, Any]] = {}
        self._documents: dict[str, dict[str, CompactDocument]] = {name: {} for name in COLLECTIONS}
        self._strays: dict[str, list[CompactDocument]] = {}
        self._ids_by_guild: dict[str, list[str]] | None = None
        """The ledger's, made once somebody asks for those of one guild: most runs ask for none."""
        self._compactor = Compactor()

    def __getitem__(self, collection: str) -> Mapping[str, CompactDocument]:
        """The documents of one collection by `_id`, in the order in which they came."""
        return self._documents[collection]

    @property
    def schema(self) -> int:
        """By which schema the documents are written; today's where nothing says so."""
        note = self._documents[META].get(SCHEMA_ID)
        return SCHEMA_VERSION if note is None else int(note["version"])

    def all_documents(self, collection: str) -> Iterable[Mapping[str, Any]]:
        """The documents of a collection, also of one that giftping does not know."""
        return (self._documents.get(collection) or self.foreign.get(collection) or {}).values()

    def strays(self, collection: str) -> Sequence[CompactDocument]:
        """The documents of a collection whose `_id` is no text: they are kept, and no `_id` stands for them."""
        return self._strays.get(collection, ())

    def found(self, collection: str, id_: object) -> CompactDocument | None:
        """The document with an `_id`, be it a text or not; None where there is none."""
        if isinstance(id_, str):
            return self._documents[collection].get(id_)
        return next((one for one in self.strays(collection) if _is_same_id(one["_id"], id_)), None)

    def within(self, collection: str, beginning: str) -> Iterable[CompactDocument]:
        """The documents whose id begins so; those of one guild in the ledger are known, and not searched for."""
        documents = self._documents[collection]
        if not beginning:
            return documents.values()
        ids: Iterable[str] = documents
        if collection == LEDGER and ":" in beginning:
            ids = self._by_guild().get(_guild_of(beginning), ())
        return [documents[id_] for id_ in ids if id_.startswith(beginning)]

    def apply(self, batch: Iterable[Operation]) -> None:
        """Make changes. Raise KeyError for a collection or a kind of change that is not known."""
        for operation in batch:
            if operation[0] == "put":
                self.put(operation[1], operation[2])
            elif operation[0] == "remove":
                self._remove(operation[1], operation[2])
            else:
                raise KeyError(operation[0])

    def put(self, collection: str, document: Mapping[str, Any]) -> None:
        """Write one document whole. Raise KeyError for a collection that is not known."""
        documents = self._documents[collection]
        compact = document if isinstance(document, CompactDocument) else self._compactor.compact(document)
        id_ = compact["_id"]
        if not isinstance(id_, str):
            self._remove(collection, id_)
            self._strays.setdefault(collection, []).append(compact)
            return
        if collection == LEDGER and self._ids_by_guild is not None and id_ not in documents:
            self._ids_by_guild.setdefault(_guild_of(id_), []).append(id_)
        documents[id_] = compact

    def _by_guild(self) -> dict[str, list[str]]:
        if self._ids_by_guild is None:
            self._ids_by_guild = {}
            for id_ in self._documents[LEDGER]:
                self._ids_by_guild.setdefault(_guild_of(id_), []).append(id_)
        return self._ids_by_guild

    def _remove(self, collection: str, id_: object) -> None:
        if not isinstance(id_, str):
            self._strays[collection] = [one for one in self.strays(collection) if not _is_same_id(one["_id"], id_)]
            return
        is_gone = self._documents[collection].pop(id_, None) is not None
        if is_gone and collection == LEDGER and self._ids_by_guild is not None:
            guild = _guild_of(id_)
            ids = self._ids_by_guild[guild]
            ids.remove(id_)
            if not ids:
                del self._ids_by_guild[guild]


def put(collection: str, document: Mapping[str, Any]) -> Operation:
    """The change that writes a document whole."""
    return "put", collection, document


def remove(collection: str, id_: str) -> Operation:
    """The change that removes a document."""
    return "remove", collection, id_


def _is_same_id(one: object, other: object) -> bool:
    # 1 and true are equal, and not the same.
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _guild_of(entry_id: str) -> str:
    return entry_id.partition(":")[0]
