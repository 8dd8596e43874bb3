"""Language codes: their form, how they match each other, and where file names contain them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from crosszero.errors import ConfigError, quote

# ISO 639-1. A code that the user gives may be longer (``pt-BR``, ``fil``); a code that is only
# guessed from a file name has to be in one of these lists, or "big-set.tsv" would be in two
# languages, and "6way.ids" in one.
_TWO_CODES = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da
de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz
ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln
lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi
pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti
tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""

# ISO 639-3 (and 639-2/B where it is still written), as far as common corpora use it: FLORES-200,
# NLLB, Tatoeba, OPUS. Real codes that more often end the name of another kind of file are left
# out: arg bar bpe bug cor dat div ext ids max min nov raw ref rom run spm src tgt tok trg txt vec
# vol war.
_THREE_CODES = """
aar abk ace acm acq aeb afr ajp aka alb als amh ang apc ara arb arc arm arq ars ary arz asm
ast ava awa aym ayr azb aze azj bak bam ban baq bcl bel bem ben ber bho bih bis bjn bod bos bre
bul bur cat cbk ceb ces cha che chi chu chv cjk ckb cmn cos cre crh csb cym cze dan deu dik
doi dsb dtp dut dyu dzo ell eng epo est eus ewe fao fas fij fil fin fon fra fre frr fry ful fur
fuv gaz geo ger gla gle glg glv gom gre grn gsw guj hak hat hau haw hbs heb hil hin hmn hne hrv
hsb hun hye ibo ice ido iii iku ile ilo ina ind ipk isl ita jav jpn kab kac kal kam kan kas kat
kau kaz kbp kea khk khm kik kin kir kmb kmr knc kom kon kor kua kur kzj lad lao lat lav lfn lij
lim lin lit lmo ltg ltz lua lub lug luo lus lvs mag mah mai mal mao mar mhr mkd mlg mlt mni mon
mos mri msa mwl mya nan nap nau nav nbl nde ndo nds nep nld nno nob nor npi nso nus nya oci
oji ori orm orv ory oss pag pam pan pap pbt pcm pes plt pli pms pol por prs pus que quy roh rmy
ron rum rus sag sah san sat scn sco shn sin slk slo slv sme smo sna snd som sot spa sqi srd
srp ssw sun swa swe swg swh syr szl tah tam taq tat tel tgk tgl tha tib tir ton tpi tsn tso tuk
tum tur twi tyv tzl tzm udm uig ukr umb urd uzb uzn ven vie vro wel wln wol wuu xho yak ydd
yid yor yue zgh zha zho zsm zul
"""
# As headers of tables call languages: in English, and some in the language itself.
_NAMES = """
afrikaans albanian amharic arabic armenian azerbaijani basque belarusian bengali bosnian bulgarian
burmese catalan chinese croatian czech danish dutch english esperanto estonian farsi finnish french
galician georgian german greek gujarati hausa hebrew hindi hungarian icelandic igbo indonesian irish
italian japanese kannada kazakh khmer korean kurdish lao latin latvian lithuanian macedonian malay
malayalam maltese mandarin marathi mongolian nepali norwegian pashto persian polish portuguese
punjabi romanian russian serbian sinhala slovak slovenian somali spanish swahili swedish tagalog
tamil telugu thai tibetan turkish ukrainian urdu uzbek vietnamese welsh xhosa yoruba zulu
deutsch español français italiano português nederlands polski svenska dansk norsk suomi čeština
magyar română türkçe русский українська ελληνικά العربية עברית 中文 日本語 한국어
"""
LANGUAGE_NAMES = frozenset(_NAMES.split())
_TWO_LETTERS = frozenset(_TWO_CODES.split())
_KNOWN = _TWO_LETTERS | frozenset(_THREE_CODES.split())
_CODE = re.compile(r"[A-Za-z]{2,3}([-_@][A-Za-z0-9]{2,8})*")
_IN_NAME = r"[a-z]{2}(?:[-_][A-Z]{2}|_[A-Z][a-z]{3})?"
_PAIR = re.compile(rf"(?:^|[._-])({_IN_NAME})(?:[-_]to)?[-_]({_IN_NAME})(?=[._]|$)")


def check_languages(languages: Sequence[str], *, exactly: int | None = None) -> tuple[str, ...]:
    """See that codes are codes, at least two of them, and all different (ConfigError)."""
    if isinstance(languages, str) or not isinstance(languages, Sequence):
        raise ConfigError(f"languages is {languages!r}; a list like [en, fr] is needed")
    for code in languages:
        check_code(code)
    given = f"{len(languages)} given ({' '.join(languages) or 'none'})"
    if exactly is not None and len(languages) != exactly:
        raise ConfigError(f"{exactly} languages are needed, {given}")
    if len(languages) < 2:
        raise ConfigError(f"at least two languages are needed, {given}")
    if len({normalise_code(code) for code in languages}) < len(languages):
        raise ConfigError(f"name every language only once, {given}")
    return tuple(languages)


def check_pair(languages: Sequence[str]) -> tuple[str, str]:
    """See that these are the codes of a text and of its translation (ConfigError)."""
    if len(languages) != 2:
        raise ConfigError("languages: two are needed, those of source and target, such as en fr")
    for code in languages:
        check_code(code)
    return languages[0], languages[1]


def check_code(code: object) -> None:
    """See that a code is one (ConfigError)."""
    if not isinstance(code, str) or not is_code(code):
        raise ConfigError(
            f"{quote(code)} is not a language code; use codes like en, pt-BR or fil"
            + (" (write 'no' in quotes in YAML)" if str(code) == "False" else "")
        )


def is_code(text: str) -> bool:
    """Say whether a text has the form of a language code; the language need not exist."""
    return _CODE.fullmatch(text) is not None


def is_known(code: str) -> bool:
    """Say whether a code, region and script aside, is that of a language of common corpora."""
    return is_code(code) and base_language(code) in _KNOWN


def normalise_code(code: str) -> str:
    """Write a code the way codes are compared: ``pt_BR.UTF-8`` and ``pt-BR`` are ``pt-br``."""
    return code.split(".")[0].replace("_", "-").lower()


def base_language(code: str) -> str:
    """Drop what follows the language in a code: region, script, variant, encoding.

    Example:
        >>> base_language("zh_Hant-TW"), base_language("sr@latin"), base_language("fil")
        ('zh', 'sr', 'fil')
    """
    return re.split("[-_@]", normalise_code(code), maxsplit=1)[0]


def find_language(asked: str, found: Iterable[str]) -> str | None:
    """Pick the code that means the language asked for: the same code, or the same language.

    Example:
        >>> find_language("en", ["fr-FR", "en-US"])
        'en-US'
        >>> find_language("pt-BR", ["pt-PT"]) is None
        True
    """
    found = list(found)
    for code in found:
        if normalise_code(code) == normalise_code(asked):
            return code
    for code in found:
        if base_language(code) == normalise_code(asked):
            return code
    return None


def pick_languages(
    asked: Sequence[str], found: Iterable[str], where: str | Path
) -> list[str | None]:
    """Pick for each language asked for its code, as :func:`find_language`, but never by chance.

    A code that is asked for in full stands for no other language.

    Raises:
        ConfigError: several codes mean one of the languages, and none is the same; it names
            `where` they were found.

    Example:
        >>> pick_languages(["zh", "zh-TW"], ["zh-CN", "zh-TW"], "data")
        ['zh-CN', 'zh-TW']
    """
    found = list(found)
    picked: list[str | None] = []
    full = {normalise_code(language) for language in asked}
    for language in asked:
        code = find_language(language, found)
        if code is not None and normalise_code(code) != normalise_code(language):
            near = [x for x in found if find_language(language, [x])]
            near = [x for x in near if normalise_code(x) not in full]
            if len(near) > 1:
                raise ConfigError(
                    f"{where}: {language!r} may be any of {', '.join(near)}: name the one that is "
                    "meant in full"
                )
            code = near[0] if near else None
        picked.append(code)
    return picked


def same_language(first: str, second: str) -> bool:
    """Say whether two codes can mean the same: equal, or one without what the other adds.

    Example:
        >>> same_language("zh", "zh-CN"), same_language("zh-TW", "zh-CN")
        (True, False)
    """
    return bool(find_language(first, [second]) or find_language(second, [first]))


def languages_in_name(path: str | Path) -> tuple[str, str] | None:
    """Read two languages from a name like ``corpus.en-fr.tsv``.

    ``None`` if it tells none, or several pairs: ``as-is.en-fr.tsv`` may be Assamese-Icelandic.

    Example:
        >>> languages_in_name("data/corpus.en-fr.tsv.gz")
        ('en', 'fr')
    """
    stem = Path(path).name.removesuffix(".gz")
    found = {
        (first, second)
        for first, second in _PAIR.findall(stem)
        if first != second and {first[:2], second[:2]} <= _TWO_LETTERS
    }
    return found.pop() if len(found) == 1 else None


def split_suffix(path: str | Path, named: Sequence[str] | None = None) -> tuple[str, str] | None:
    """Split ``multi.en`` or ``multi.en.gz`` into prefix and language; ``None`` for other names.

    Only languages that the user named may be rare ones: among the real codes of three letters are
    most endings of other files (``ids``, ``src``, ``raw``).

    Example:
        >>> split_suffix("data/multi.en.gz")
        ('multi', 'en')
        >>> split_suffix("multi.kbd"), split_suffix("multi.kbd", ["en", "kbd"])
        (None, ('multi', 'kbd'))
    """
    stem, dot, code = Path(path).name.removesuffix(".gz").rpartition(".")
    if not dot or not stem or not is_code(code):
        return None
    if is_known(code) or any(same_language(code, language) for language in named or ()):
        return stem, code
    return None
