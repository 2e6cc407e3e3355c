"""Codes of languages as BCP 47 writes them (RFC 5646): ``de``, ``pt-BR``, ``zh-Hant-TW``.

Languages of two letters are those of ISO 639-1; of three letters only the form is known here.
"""

from __future__ import annotations

import difflib
import re

__all__ = ["LanguageFault", "language_fault"]

_NAMES = (
    "aa Afar,ab Abkhazian,ae Avestan,af Afrikaans,ak Akan,am Amharic,an Aragonese,ar Arabic,"
    "as Assamese,av Avaric,ay Aymara,az Azerbaijani,ba Bashkir,be Belarusian,bg Bulgarian,bi Bislama,"
    "bm Bambara,bn Bengali,bo Tibetan,br Breton,bs Bosnian,ca Catalan,ce Chechen,ch Chamorro,"
    "co Corsican,cr Cree,cs Czech,cu Church Slavic,cv Chuvash,cy Welsh,da Danish,de German,dv Divehi,"
    "dz Dzongkha,ee Ewe,el Greek,en English,eo Esperanto,es Spanish,et Estonian,eu Basque,fa Persian,"
    "ff Fulah,fi Finnish,fj Fijian,fo Faroese,fr French,fy Western Frisian,ga Irish,gd Scottish Gaelic,"
    "gl Galician,gn Guarani,gu Gujarati,gv Manx,ha Hausa,he Hebrew,hi Hindi,ho Hiri Motu,hr Croatian,"
    "ht Haitian,hu Hungarian,hy Armenian,hz Herero,ia Interlingua,id Indonesian,ie Interlingue,ig Igbo,"
    "ii Sichuan Yi,ik Inupiaq,io Ido,is Icelandic,it Italian,iu Inuktitut,ja Japanese,jv Javanese,"
    "ka Georgian,kg Kongo,ki Kikuyu,kj Kuanyama,kk Kazakh,kl Kalaallisut,km Khmer,kn Kannada,"
    "ko Korean,kr Kanuri,ks Kashmiri,ku Kurdish,kv Komi,kw Cornish,ky Kirghiz,la Latin,"
    "lb Luxembourgish,lg Ganda,li Limburgan,ln Lingala,lo Lao,lt Lithuanian,lu Luba-Katanga,lv Latvian,"
    "mg Malagasy,mh Marshallese,mi Maori,mk Macedonian,ml Malayalam,mn Mongolian,mr Marathi,ms Malay,"
    "mt Maltese,my Burmese,na Nauru,nb Norwegian Bokmal,nd North Ndebele,ne Nepali,ng Ndonga,nl Dutch,"
    "nn Norwegian Nynorsk,no Norwegian,nr South Ndebele,nv Navajo,ny Chichewa,oc Occitan,oj Ojibwa,"
    "om Oromo,or Oriya,os Ossetian,pa Punjabi,pi Pali,pl Polish,ps Pashto,pt Portuguese,qu Quechua,"
    "rm Romansh,rn Rundi,ro Romanian,ru Russian,rw Kinyarwanda,sa Sanskrit,sc Sardinian,sd Sindhi,"
    "se Northern Sami,sg Sango,sh Serbo-Croatian,si Sinhala,sk Slovak,sl Slovenian,sm Samoan,sn Shona,"
    "so Somali,sq Albanian,sr Serbian,ss Swati,st Southern Sotho,su Sundanese,sv Swedish,sw Swahili,"
    "ta Tamil,te Telugu,tg Tajik,th Thai,ti Tigrinya,tk Turkmen,tl Tagalog,tn Tswana,to Tonga,"
    "tr Turkish,ts Tsonga,tt Tatar,tw Twi,ty Tahitian,ug Uighur,uk Ukrainian,ur Urdu,uz Uzbek,"
    "ve Venda,vi Vietnamese,vo Volapuk,wa Walloon,wo Wolof,xh Xhosa,yi Yiddish,yo Yoruba,za Zhuang,"
    "zh Chinese,zu Zulu"
)
_LANGUAGES = dict(entry.split(" ", 1) for entry in _NAMES.split(","))
_BY_NAME = {name.lower(): code for code, name in _LANGUAGES.items()} | {
    "deutsch": "de",
    "espanol": "es",
    "espa\u00f1ol": "es",
    "fran\u00e7ais": "fr",
    "francais": "fr",
    "italiano": "it",
    "farsi": "fa",
    "mandarin": "zh",
    "nederlands": "nl",
    "polski": "pl",
    "portugu\u00eas": "pt",
}
_COUNTRIES_FOR_LANGUAGES = {
    "cn": "zh",
    "cz": "cs",
    "dk": "da",
    "gr": "el",
    "jp": "ja",
    "kp": "ko",
    "rs": "sr",
    "se": "sv",
    "ua": "uk",
    "uk": "en-GB",
    "us": "en-US",
    "vn": "vi",
}
"""Codes of countries that people write for the language that is spoken there."""
_REGION_NAMES = (
    "AC AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV "
    "BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DG DJ DK DM DO DZ EA EC EE EG EH ER "
    "ES ET EU FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU IC "
    "ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV "
    "LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU "
    "NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN "
    "SO SR SS ST SV SX SY SZ TA TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG "
    "VI VN VU WF WS XK YE YT ZA ZM ZW "
)
_REGIONS = frozenset(_REGION_NAMES.split())
_REGION_MEANT = {"UK": "GB", "EN": "GB"}
_TAG = re.compile(
    r"(?P<language>[A-Za-z]{2,3})(?:-[A-Za-z]{3}){0,3}(?:-(?P<script>[A-Za-z]{4}))?"
    r"(?:-(?P<region>[A-Za-z]{2}|[0-9]{3}))?(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*"
    r"(?:-[A-WY-Za-wy-z0-9](?:-[A-Za-z0-9]{2,8})+)*(?:-[xX](?:-[A-Za-z0-9]{1,8})+)?"
)


class LanguageFault(ValueError):
    """What is wrong with a code; ``meant`` is what it should be, empty where nobody knows."""

    def __init__(self, message: str, meant: str = "") -> None:
        super().__init__(message)
        self.meant = meant


def language_fault(code: str) -> LanguageFault | None:
    """What is wrong with ``code`` as the code of a language; ``None`` when nothing is. Upper and lower case are one."""
    match = _TAG.fullmatch(code)
    if match is None:
        return LanguageFault(f"`{code[:40]}` is no code of a language", _meant(code))
    language, region = match["language"].lower(), (match["region"] or "").upper()
    if len(language) == 2 and language not in _LANGUAGES:
        other = _COUNTRIES_FOR_LANGUAGES.get(language, "")
        meant = f"{other}{code[2:]}" if other and "-" not in other else other
        return LanguageFault(f"there is no language `{language}`", meant)
    if len(region) == 2 and region not in _REGIONS:
        other = _REGION_MEANT.get(region, "")
        start = match.start("region")
        return LanguageFault(
            f"there is no country `{region}`", f"{code[:start]}{other}{code[start + 2 :]}" if other else ""
        )
    return None


def _meant(code: str) -> str:
    underscored = code.strip().replace("_", "-").partition(".")[0]
    if underscored != code and language_fault(underscored) is None:
        return underscored
    name = code.strip().lower()
    near = difflib.get_close_matches(name, _BY_NAME, 1, 0.8)
    return _BY_NAME[near[0]] if near else ""
