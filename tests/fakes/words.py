"""What is said in the home language, and in every one that there is."""

from __future__ import annotations

from giftping.words.catalogue import HOME_LANGUAGE, LONGEST_PHRASE, Words, languages, placeholders, words_of

ENGLISH = words_of(HOME_LANGUAGE)
EVERY_LANGUAGE = [words_of(language) for language in languages()]


WORDY = Words(
    "wordy",
    {
        name: (marks := "".join(f"{{{one}}}" for one in sorted(placeholders(phrase))))
        + "ß" * (LONGEST_PHRASE - len(marks))
        for name, phrase in ENGLISH.phrases.items()
    },
)
"""Each phrase as long as one of one's own may be."""


def in_english(_guild_id: int) -> Words:
    return ENGLISH
