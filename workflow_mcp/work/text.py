"""Text that strangers wrote: what may be a name, and how text is shown so that it can only be text. Pure."""

from __future__ import annotations

import re
import unicodedata

# Control characters, surrogates, line separators, what turns the direction of other text, what has no width, and
# more than one variation selector. Joiners and direction marks stay: scripts and emoji need them.
SELECTOR = "[\ufe00-\ufe0f\U000e0100-\U000e01ef]"
HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u115f\u1160\u180e\u200b\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\ud800-\udfff\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
    f"|(?<={SELECTOR}){SELECTOR}"
)
UNSEEN = re.compile(f"[\u034f\u17b4\u17b5\u180b-\u180f\u2800]|{SELECTOR}")
NAME = re.compile(r"[\w.\-/@()+:#']+(?: [\w.\-/@()+:#']+)*")
COLONS_BEFORE_SPACE = re.compile(":+(?= |$)")
MARK_CATEGORIES = ("Mn", "Mc")
UNSEEN_CATEGORIES = ("Z", "C", "M")


def has_visible(text: str) -> bool:
    """Whether there is anything in a text that can be seen."""
    return any(_is_visible(character) for character in text)


def _is_visible(character: str) -> bool:
    if HIDDEN.match(character) or UNSEEN.match(character):
        return False
    return not unicodedata.category(character).startswith(UNSEEN_CATEGORIES)


def is_name(text: str) -> bool:
    r"""Whether a text can be an actor's name: words of letters, digits and `. - _ / @ ( ) + : # '`, a space between.

    It begins with a letter or a digit, and no colon is followed by a space: in a row that names
    somebody, all else begins with two spaces, a quote, or a colon and a space.
    """
    seen = not (HIDDEN.search(text) or UNSEEN.search(text))
    return bool(seen and NAME.fullmatch(_without_marks(text)) and text[0].isalnum() and ": " not in f"{text} ")


def name_from(text: str, max_length: int) -> str | None:
    """The name of a person as an actor's: what no such name can have is left out; None where nothing is left."""
    kept = "".join(one if _is_in_names(one) else " " for one in UNSEEN.sub("", HIDDEN.sub(" ", text)))
    words = _words_of(COLONS_BEFORE_SPACE.sub("", " ".join(kept.split())))
    start = next((at for at, one in enumerate(words) if one.isalnum()), len(words))
    name = _words_of(words[start : start + max_length].rstrip(" :"))
    return name if is_name(name) else None


def _words_of(text: str) -> str:
    """The words of a text without those that are only accents, whose letter was left out."""
    return " ".join(word for word in text.split() if _without_marks(word))


def _is_in_names(character: str) -> bool:
    return bool(NAME.fullmatch(character)) or unicodedata.category(character) in MARK_CATEGORIES


def _without_marks(text: str) -> str:
    # Vowel signs and accents are parts of letters, and `\w` does not know them.
    return "".join(character for character in text if unicodedata.category(character) not in MARK_CATEGORIES)


def visible(text: str, *, lines: bool = False) -> str:
    r"""A text with everything in it that is hidden, or hides or moves something, written out, as in `\x1b` or `\u202e`.

    Args:
        text: any text.
        lines: leave the ends of lines and tabs as they are.
    """
    if text.isascii() and text.isprintable() and not text.isspace():
        return text  # nearly every text, and looking for what is hidden takes ten times as long
    if text and not has_visible(text):
        return "".join(character if character in " \n" and lines else _escaped(character) for character in text)
    return HIDDEN.sub(lambda found: found[0] if lines and found[0] in "\n\t" else _escaped(found[0]), text)


def quoted(text: str) -> str:
    r"""A text on one line between quotes that it cannot close: `"`, `\` and what is hidden are escaped."""
    return f'"{visible(text.replace(chr(92), chr(92) * 2)).replace(chr(34), chr(92) + chr(34))}"'


def plain_or_quoted(text: str) -> str:
    """A single word as it is, anything else between quotes."""
    return text if re.fullmatch(r"[\w.+\-:/#@]+", text) else quoted(text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
