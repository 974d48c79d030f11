"""The language of a text: by script, by its function words, and by detectors where those leave doubt.

A claim needs positive evidence. In Latin script that is function words of the language, more of them than of
English; a detector alone takes names, lists and code for all sorts of languages. What is short abstains.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from curator import extras
from curator.columns import Batch
from curator.text.hashed import column, fold, hash_words
from curator.text.patterns import compiled_later
from curator.text.prose import masked

# Commonest words of languages in Latin script, those apart that mark the language (articles, pronouns,
# prepositions, auxiliaries). Folded; words that English has too are left out when they are counted.
_WORDS = {
    "en": "the of and to in is that it for was with as on are be this by from at or have an not they which you we"
    " can has were their been its will more would when there who what your if about one all also how use do he"
    " she his her other some than into them these only our my may most so such but should could no up out me"
    " us any does did had",
    "de": "der die das und ist nicht ein eine einen einem einer eines ich sie wir ihr es mit auf für von zu zum zur"
    " den dem des im am als auch sich aus bei nach wie aber oder wenn kann werden wird wurde sind hat haben"
    " war noch nur über durch dass daß um so mehr sehr diese dieser dieses ihre seine mein kein keine man muss"
    " können unter vor bis hier wo was wer warum alle immer weil gibt etwas dann schon mir mich dir dich uns"
    " ihm ihn sein er du habe hast",
    "fr": "le la les un une des de du et est que qui dans en pour pas ne il elle sur avec ce cette ces se au aux"
    " par plus sont ont mais ou où nous vous ils elles leur son sa ses mon ma mes je tu être avoir fait comme"
    " tout tous peut faire cela très aussi si lui même sans entre était deux car donc ainsi votre notre été ai"
    " avez avons quand chaque quel quelle toujours jamais après avant chez bien encore peu moi suis es qu c d"
    " l j s n m t y",
    "es": "el la los las un una unos unas de del que y en es por con para no se su sus al lo como más pero este"
    " esta estos estas ser son está están fue ha han hay muy también si sin sobre entre cuando todo todos yo"
    " tú él ella nosotros ellos me te nos le les mi tu porque qué quién cómo dónde puede pueden tiene tienen"
    " hacer hasta desde ya donde cada otro otra ese esa eso esto era había sólo solo bien así aunque mientras"
    " después antes usted",
    "pt": "o a os as um uma uns umas de do da dos das que e em no na nos nas é por com para não se seu sua seus"
    " suas ao aos à às como mais mas este esta ser são está estão foi tem têm há muito também sem sobre entre"
    " quando todo todos eu você ele ela nós eles elas me te lhe meu minha porque quem onde pode podem fazer"
    " até já cada outro outra isso isto era só bem assim embora depois antes pelo pela pelos pelas num numa ou"
    " foram ter",
    "it": "il lo la i gli le un una uno di del della dei delle dello degli e che è in per con non si su al alla ai"
    " alle da dal dalla dalle nel nella nei nelle come più ma questo questa questi queste sono ha hanno essere"
    " stato stata anche se molto tra fra quando tutto tutti io tu lui lei noi voi loro mi ti ci vi mio suo sua"
    " suoi perché chi dove può possono fare fino ogni altro altra quello quella era solo bene così sempre dopo"
    " prima ed cosa sul sulla però poi ho hai abbiamo c l d un dell nell all",
    "nl": "de het een van en in is dat op te zijn voor met niet aan er om ook als maar bij of uit naar dan nog wel"
    " door over hij zij ze we wij je jij u ik hun ons onze haar zijn mijn deze dit die wat wie waar hoe kan"
    " kunnen wordt worden werd was heeft hebben had moet moeten zal zou zullen veel meer geen tot onder tussen"
    " omdat wanneer alle alles iets niets altijd hier daar toen zo al tegen zonder na voor gaan doen mij me",
    "sv": "och att det som en ett är på för med av den till inte har om de var jag han hon vi ni du kan från vid så"
    " men eller när där här hur vad vem man sig sin sitt sina deras dess vara blir blev ska skall skulle måste"
    " mycket mer under efter över mellan också bara alla några någon något ingen inget detta dessa denna mig"
    " dig oss er hade finns varje utan mot innan genom in ut upp får göra",
    "da": "og at det som en et er på for med af den til ikke har om de var jeg han hun vi du kan fra ved så men"
    " eller når der her hvor hvad hvem man sig sin sit sine deres være bliver blev skal skulle må meget mere"
    " under efter over mellem også kun alle nogle nogen noget ingen intet dette disse denne mig dig os jer"
    " havde findes hver uden mod før gennem ind ud op får gøre hvis fordi hans hendes vil kunne ville",
    "nb": "og at det som en et er på for med av den til ikke har om de var jeg han hun vi du kan fra ved så men"
    " eller når der her hvor hva hvem man seg sin sitt sine deres være blir ble skal skulle må mye mer under"
    " etter over mellom også bare alle noen noe ingen dette disse denne meg deg oss dere hadde finnes hver"
    " uten mot før gjennom inn ut opp får gjøre hvis fordi hans hennes vil kunne ville ikkje eg ein eit frå"
    " vere dei",
    "fi": "ja on ei se että hän ovat oli olla mutta tai kun jos niin myös kuin joka jotka mitä mikä missä miten"
    " miksi minä sinä me te he minun sinun hänen meidän teidän heidän tämä tämän nämä tuo ne niitä sitä sen"
    " siitä voi voit voivat pitää täytyy ole olen olet olemme olisi ollut hyvin paljon enemmän vain kanssa"
    " ilman ennen jälkeen koska sekä eli vaan nyt sitten aina kaikki jokainen mukaan kautta välillä vielä jo"
    " en et emme eivät saa tulee",
    "pl": "i w na z do się nie to jest że jak o a po za od dla przez przy co czy lub oraz ale tak który która które"
    " których są był była było były być może można ma mają jego jej ich mój twój nasz swój tego tej tym ten ta"
    " te bardzo więcej tylko też także już jeszcze gdy kiedy gdzie kto dlaczego ponieważ jeśli jeżeli aby żeby"
    " bez pod nad między ja ty on ona my wy oni mnie ciebie go mu nam wam im każdy wszystko zawsze ze we u są"
    " jako",
    "cs": "a v na se je že to s z do o k i ve si pro za by ale jako po od jsou byl byla bylo být nebo tak který"
    " která které kteří má mají jeho její jejich můj tvůj náš svůj toho této tím ten ta tento velmi více jen"
    " také již ještě když kde kdo proč protože pokud aby bez pod nad mezi já ty on ona my vy oni mě tě mu nám"
    " vám jim každý vše vždy při podle může jsem jsi jsme musí není nejsou co jak už ze ke však",
    "sk": "a v na sa je že to s z do o k i vo si pre za by ale ako po od sú bol bola bolo byť alebo tak ktorý ktorá"
    " ktoré ktorí má majú jeho jej ich môj tvoj náš svoj toho tejto tým ten tá tento veľmi viac len aj tiež už"
    " ešte keď kde kto prečo pretože ak aby bez pod nad medzi ja ty on ona my vy oni ma ťa mu nám vám im každý"
    " všetko vždy pri podľa môže som si sme musí nie čo však",
    "hu": "a az és hogy nem is egy ez van volt meg csak de ha vagy mint már még el ki fel be le minden kell lehet"
    " nagyon több én te ő mi ti ők azt ezt azok ezek amely aki ami mert mit hol hogyan miért mikor után előtt"
    " között szerint által alatt fölött majd akkor itt ott lesz lenne legyen vannak voltak nincs sem pedig"
    " azonban így úgy olyan ilyen saját neki nekem neked nekünk rá róla vele ki mely melyek illetve annak"
    " ennek",
    "ro": "și în de la cu pe a al ale ai un o este sunt nu se că din pentru ce care mai sau dar ca prin după până"
    " fi fost era am ai are au avea eu tu el ea noi voi ei ele îi îl mă te ne vă lui lor meu mea tău său sa"
    " acest această aceste acești acel acea foarte mult doar când unde cine cum dacă deoarece între sub peste"
    " fără toate tot fiecare poate pot trebuie face atunci aici acolo într dintre despre asupra către si cele"
    " cel cea sale",
    "tr": "ve bir bu da de için ile çok daha en gibi olarak olan olduğu ama veya ya ne var yok mi mı mu mü değil"
    " kadar sonra önce her ben sen o biz siz onlar benim senin onun bizim sizin onların şu ki ise eğer çünkü"
    " nasıl neden nerede kim hangi oldu olur oldu etmek eden edilen yapmak üzere göre arasında altında"
    " üzerinde içinde ancak sadece bazı tüm bütün şey zaman diye hem iyi büyük ilk iki bunu buna bunun onu ona"
    " bana sana vardır olabilir",
    "vi": "và là của có không được trong cho một các những với này đó khi để người đã sẽ đang từ đến về như cũng"
    " thì nhưng hoặc vì nếu tôi bạn anh chị em ông bà họ chúng ta mình rất nhiều hơn nhất chỉ còn nên phải ở"
    " ra vào lên xuống trên dưới sau trước giữa bởi theo gì nào ai đâu sao thế việc cách năm ngày đi làm biết"
    " nói lại mà tại qua hay vẫn cùng mọi mỗi cần giúp bằng thể",
    "id": "yang dan di ini itu dengan untuk dari pada adalah dalam tidak akan ke juga atau oleh sebagai telah dapat"
    " bisa ada saya anda kamu kami kita dia mereka aku karena jika maka saat ketika setelah sebelum antara"
    " tentang seperti lebih sangat banyak semua setiap hanya sudah belum masih harus bahwa sebuah seorang para"
    " apa siapa mana bagaimana mengapa kapan namun tetapi tapi hingga sampai secara kepada tersebut serta agar"
    " bukan lagi pun nya",
    "hr": "i u je se na da su za od s sa o a ne to kao iz do koji koja koje što ali ili bi biti bio bila bilo nije"
    " nisu sam si smo ste će ću ako kada gdje gde tko ko kako zašto jer zato samo još već više vrlo veoma može"
    " mogu treba ima imaju njegov njen njihov moj tvoj naš vaš svoj ovaj ova ovo taj ta ti on ona mi vi oni"
    " mene tebe njega ga mu im sve svi svaki pre prije posle nakon između pod nad bez po pri kod ali te"
    " također takođe ovog tog",
    "sl": "in je v na se da so za z s o a ne to kot iz do ki kar ali bi biti bil bila bilo ni niso sem si smo ste"
    " bo bom če ko kje kdo kako zakaj ker zato samo še že več zelo lahko mora imajo njegov njen njihov moj"
    " tvoj naš vaš svoj ta ti on ona mi vi oni mene tebe njega ga mu jim vse vsi vsak pred po med pod nad brez"
    " pri pa tudi tega temu tem kateri katera katere vendar",
    "et": "ja on ei see et ta oli olla aga või kui siis ka nii kes mis mida kus kuidas miks mina sina meie teie"
    " nemad minu sinu tema nende selle seda need neid selles saab saavad peab pole olen oled oleme oleks olnud"
    " väga palju rohkem ainult koos ilma enne pärast sest ning vaid nüüd alati kõik iga järgi kaudu vahel veel"
    " juba ma sa me te nad oma mille kelle seal siin võib tuleb teha üks kaks",
    "lv": "un ir ka ar no uz par tas tā to kas nav bija būt bet vai kad ja tad arī kā kur kāpēc es tu viņš viņa mēs"
    " jūs viņi mans tavs mūsu jūsu viņu šis šī šo šie tie tiek var jābūt ļoti daudz vairāk tikai kopā bez"
    " pirms pēc jo lai gan vēl jau vienmēr visi katrs starp zem virs pie savu kuru kurš kura kuri gada gadā"
    " esmu esi esam pat līdz",
    "lt": "ir yra kad su iš į ant apie tai tas ta kas ne nėra buvo būti bet ar kai jei tada taip kaip kur kodėl aš"
    " tu jis ji mes jūs jie mano tavo mūsų jūsų jų jo jos šis ši šio šie tie gali turi labai daug daugiau tik"
    " kartu be prieš po nes bei dar jau visada visi kiekvienas tarp pagal prie savo kuris kuri kurie kurio"
    " metų iki per už nuo esu esi esame jau",
    "ca": "el la els les un una uns unes de del dels que i en és per amb no es al als ho com més però aquest"
    " aquesta aquests aquestes ser són està estan va han hi ha molt també si sense sobre entre quan tot tots"
    " jo tu ell ella nosaltres ells em et ens li meu teu seu seva seves perquè què qui on pot poden fer fins"
    " ja cada altre altra això era només bé així després abans pel pels dins ni o amb mateix aquell",
    "af": "die van en is in het dat nie te met vir op om as was sy hy ek ons julle hulle jy u aan by uit maar of"
    " kan sal moet wees word word het hierdie daardie wat wie waar hoe hoekom omdat wanneer baie meer net ook"
    " nog alle elke tussen onder oor na voor sonder deur tot sou kon gaan doen my jou haar sy hul een daar"
    " hier",
    "tl": "ang ng sa mga na at ay ito iyon hindi ko mo niya namin natin nila ako ikaw siya kami tayo sila para may"
    " mayroon wala kung dahil kapag ngunit pero o rin din lang lamang pa na naman kasi ano sino saan kailan"
    " bakit paano mas lahat bawat isang isa dalawa kanyang kanilang aking iyong ating upang mula hanggang bago"
    " pagkatapos kay ni nang dito doon po",
    "sw": "na ya wa kwa ni katika za la kuwa si hii hiyo huo huu yake wake lake zake pia kama au lakini ili bila"
    " baada kabla hadi mimi wewe yeye sisi nyinyi wao ambao ambayo nini nani wapi lini vipi gani sana zaidi tu"
    " kila wote yote watu mtu ilikuwa alikuwa walikuwa ana wana kuna hakuna hapa huko kati juu chini cha vya"
    " hivyo kufanya",
    "sq": "dhe të në e i për me një që nga është si nuk ka kjo ky do më u por se ose kur ku kush çfarë pse unë ti"
    " ai ajo ne ju ata ato tij saj tyre im yt ynë kanë kishte ishte janë duhet mund shumë vetëm edhe pa para"
    " pas ndër mes nën mbi çdo gjithë gjitha kjo këtë këto atë sipas deri tek te",
    "is": "og að er í á ekki það sem var til með um en við af fyrir ég þú hann hún þeir þær þau mér þér honum henni"
    " eða ef þegar hvar hvað hver hvernig hvers vegna mjög meira bara líka einnig allir allt hafa hefur hafði"
    " vera verður voru eru þetta þessi þess þeirra minn þinn sinn frá eftir milli undir yfir mun getur verið"
    " svo eins",
    "eu": "eta da ez bat dira hau hori zen izan du dute baina edo ere da baino oso gehiago bakarrik gabe ondoren"
    " aurretik artean ni zu hura gu zuek haiek nire zure bere gure haien zer nor non noiz nola zergatik denak"
    " guztiak beste egin behar ahal dago daude ditu zuen egiten beharko arte bezala",
    "ga": "an agus na is ar ag tá go ní i le sa don den atá bhí sé sí mé tú muid siad seo sin ach nó má cén cad cé"
    " conas mar faoi gan roimh tar éis idir mo do a ár bhur iad uile gach duine bheith raibh déanamh nach"
    " bhfuil chun",
}  # fmt: skip

LATIN = tuple(_WORDS)

NAMES = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "pt": "Portuguese", "it": "Italian",
    "nl": "Dutch", "sv": "Swedish", "da": "Danish", "nb": "Norwegian", "fi": "Finnish", "pl": "Polish",
    "cs": "Czech", "sk": "Slovak", "hu": "Hungarian", "ro": "Romanian", "tr": "Turkish", "vi": "Vietnamese",
    "id": "Indonesian", "hr": "Croatian", "sl": "Slovenian", "et": "Estonian", "lv": "Latvian", "lt": "Lithuanian",
    "ca": "Catalan", "af": "Afrikaans", "tl": "Tagalog", "sw": "Swahili", "sq": "Albanian", "is": "Icelandic",
    "eu": "Basque", "ga": "Irish", "ru": "Russian", "uk": "Ukrainian", "bg": "Bulgarian", "sr": "Serbian",
    "mk": "Macedonian", "be": "Belarusian", "el": "Greek", "he": "Hebrew", "ar": "Arabic", "fa": "Persian",
    "ur": "Urdu", "hi": "Hindi", "mr": "Marathi", "ne": "Nepali", "bn": "Bengali", "ta": "Tamil", "te": "Telugu",
    "th": "Thai", "zh": "Chinese", "ja": "Japanese", "ko": "Korean", "ka": "Georgian", "hy": "Armenian",
    "gu": "Gujarati", "pa": "Punjabi", "kn": "Kannada", "ml": "Malayalam", "si": "Sinhala", "km": "Khmer",
    "lo": "Lao", "my": "Burmese", "am": "Amharic", "kk": "Kazakh", "mn": "Mongolian", "ms": "Malay",
}  # fmt: skip

# Codes that detectors give for what counts as one language here: too near to be told apart in a row.
_SAME = {
    "no": "nb", "nn": "nb", "bs": "hr", "sr": "hr", "ms": "id", "zh-cn": "zh", "zh-tw": "zh", "fil": "tl", "gl": "pt",
    "tk": "tr",
}  # fmt: skip

# ---------------------------------------------------------------------- scripts

# Scripts by the code points of their letters, and the language each is taken for without a detector.
_SCRIPTS = (
    ("Greek", "\u0370-\u03ff\u1f00-\u1fff", "el"),
    ("Cyrillic", "\u0400-\u052f", "ru"),
    ("Armenian", "\u0530-\u058f", "hy"),
    ("Hebrew", "\u0590-\u05ff", "he"),
    ("Arabic", "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff", "ar"),
    ("Devanagari", "\u0900-\u097f", "hi"),
    ("Bengali", "\u0980-\u09ff", "bn"),
    ("Gurmukhi", "\u0a00-\u0a7f", "pa"),
    ("Gujarati", "\u0a80-\u0aff", "gu"),
    ("Tamil", "\u0b80-\u0bff", "ta"),
    ("Telugu", "\u0c00-\u0c7f", "te"),
    ("Kannada", "\u0c80-\u0cff", "kn"),
    ("Malayalam", "\u0d00-\u0d7f", "ml"),
    ("Sinhala", "\u0d80-\u0dff", "si"),
    ("Thai", "\u0e00-\u0e7f", "th"),
    ("Lao", "\u0e80-\u0eff", "lo"),
    ("Burmese", "\u1000-\u109f", "my"),
    ("Georgian", "\u10a0-\u10ff", "ka"),
    ("Ethiopic", "\u1200-\u137f", "am"),
    ("Khmer", "\u1780-\u17ff", "km"),
    ("Kana", "\u3040-\u30ff\uff66-\uff9f", "ja"),
    ("Han", "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff", "zh"),
    ("Hangul", "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af", "ko"),
)
_LETTERS_OF = {name: compiled_later(f"[{ranges}]") for name, ranges, _ in _SCRIPTS}
_SCRIPT_LANGUAGE = {name: language for name, _, language in _SCRIPTS}
BEYOND_LATIN = compiled_later("[" + "".join(ranges for _, ranges, _ in _SCRIPTS) + "]")
_LATIN = compiled_later("[A-Za-z\u00aa-\u024f\u1e00-\u1eff]")
_WORD = re.compile(r"[^\W\d_]+")
_SOBER = re.compile(r"(?<![\w-])[^\W\d_]+(?![\w(-])")
_ACCENTED = compiled_later("[\u00df-\u00f6\u00f8-\u024f\u1ea0-\u1eff]")
# Letters by which languages of one script are told apart.
_SIGNS = {
    "Cyrillic": (("uk", "їєґ"), ("be", "ў"), ("mk", "ѓќѕ"), ("sr", "ђћ"), ("sr mk", "јљњџ"), ("ru", "ыэё")),
    "Arabic": (("ur", "ٹڈڑےں"), ("fa", "پچژگ")),
}

# Function words of Serbian and of Macedonian that the other has not.
_SERBIAN = frozenset("је у са су који које би сте смо није шта као".split())
_MACEDONIAN = frozenset("е во со ги го кој сме сака оваа овој тоа дека".split())

# Letters that Serbian does not have, and those that it has in Latin script, in which its words are listed.
_NOT_SERBIAN = compiled_later("[йщъыьэюяёіїєґў]")
_IN_LATIN = str.maketrans(
    dict(
        zip(
            "абвгдђежзијклљмнњопрстћуфхцчџш",
            "a b v g d đ e ž z i j k l lj m n nj o p r s t ć u f h c č dž š".split(),
            strict=True,
        )
    )
)

# Languages of a script that a detector is asked to tell apart.
_SEVERAL = {
    "Cyrillic": frozenset("ru uk bg mk be kk mn ky tg".split()),
    "Arabic": frozenset("ar fa ur ps ug".split()),
    "Devanagari": frozenset("hi mr ne".split()),
}


_UNLISTED = 2.0  # Zipf frequency of what the lists, which begin at 3, leave out
_SHORT = 60  # characters in which a detector often takes one language for its neighbour


class Claim(NamedTuple):
    """The language a text is in, and its script ("Latin" or another)."""

    language: str
    script: str


def script_of(text: str) -> tuple[str, int, int]:
    """(the commonest script beside Latin or "", its letters, Latin letters)."""
    beyond = len(BEYOND_LATIN.findall(text)) if not text.isascii() else 0
    latin = len(_LATIN.findall(text))
    if not beyond:
        return "", 0, latin
    counts = Counter({name: len(letters.findall(text)) for name, letters in _LETTERS_OF.items()})
    if counts["Kana"]:
        counts["Kana"] += counts.pop("Han")  # Japanese writes both
    name = max(counts, key=lambda each: (counts[each], each))
    return name, beyond, latin


def _in_script(text: str, script: str) -> str:
    """The language of a text in a script beside Latin, by the letters it has."""
    lower, fallback = text.lower(), _SCRIPT_LANGUAGE[script]
    for language, letters in _SIGNS.get(script, ()):
        if sum(lower.count(letter) for letter in letters) * 200 > len(lower):
            return language if language != "sr mk" else _south_slavic(lower)
    if script not in _SEVERAL or len(text) < 10 or not detectable():
        return fallback
    name = named(text)
    doubtful = name == "mk" or name not in _SEVERAL[script] or (name in ("ru", "uk", "bg") and len(text) <= _SHORT)
    if script == "Cyrillic" and doubtful:  # Macedonian has the letters that were looked for
        return _by_common_words(lower) or fallback
    return name if name in _SEVERAL[script] else fallback


def _south_slavic(lower: str) -> str:
    """Serbian or Macedonian, by their function words."""
    words = _WORD.findall(lower)
    return "mk" if sum(word in _MACEDONIAN for word in words) > sum(word in _SERBIAN for word in words) else "sr"


def _by_common_words(lower: str) -> str:
    """Russian, Ukrainian, Bulgarian or Serbian: whose common words a text has; "" where it has those of none."""
    words = _WORD.findall(lower)
    weights = {language: _familiarity(words, language) for language in ("ru", "uk", "bg")}
    if not _NOT_SERBIAN.search(lower):
        weights["sr"] = _familiarity([word.translate(_IN_LATIN) for word in words], "hr")
    best = max(weights, key=lambda each: (weights[each], each == "ru"))
    return best if weights[best] > _UNLISTED * len(words) else ""


def _familiarity(words: list[str], language: str) -> float:
    """The sum of the Zipf frequencies that (lower-case) words have in a language."""
    from curator.text.dictionaries import frequencies

    listed = frequencies("sh" if language == "hr" else language)
    return sum(max(listed.get(word, 0), _UNLISTED) for word in words)


# ---------------------------------------------------------------------- function words


@cache
def words_of(language: str) -> frozenset[str]:
    """The function words of a language, as they stand in folded text."""
    return frozenset(map(fold, _WORDS[language].split())) if language in _WORDS else frozenset()


@cache
def _marking(language: str) -> frozenset[str]:
    """The function words of a language that English does not have."""
    return words_of(language) - words_of("en") - _ENGLISH_TOO


# Words of other languages' lists that English texts have, as words, single letters or abbreviations.
_ENGLISH_TOO = frozenset(
    """
    a i o u y e d l c s n m t j b r p v z k x h w q f g word pie plus uno ben ai num need var len temp da os
    das dem war man hat am also las son sin me pour car par on or sale fine come fare more over under mine net
    men sang her hun had hand were all by fast last first best pro in ex id ve to ti do no us is sit be ha hi
    ho mu pod an go tam sam ten jam till barn kind gut must art bin rat gift hall arm wand brief fort elf film
    plan rest test wild land at pa as pay mag may solo era dan pun data mana para bat non per via ad et al est
    sum than then that here there these thing hang long don la fa re nor ta care tre pot place many masks face
    """.split()
)


@cache
def _only_english() -> frozenset[str]:
    """The function words of English that no other language here has."""
    return words_of("en").difference(*(words_of(language) for language in LATIN[1:]))


@cache
def _evidence(language: str) -> frozenset[str]:
    """The commonest words of a language but for those of English: what a claim of a detector must rest on."""
    from curator.text.dictionaries import frequencies

    common = list(frequencies(language))[:400] if not extras.missing("languages") else []
    english = words_of("en") | frozenset(list(frequencies("en"))[:150] if common else ())
    letters = frozenset("abcdefghijklmnopqrstuvwxyz")
    return (words_of(language) | frozenset(map(fold, common))) - english - letters


def votes(words: list[str]) -> tuple[int, str, int]:
    """(words of English alone, the language with most marking words, how many of those) of folded words."""
    counts = Counter(words)
    best, most = "", 0
    for language in LATIN[1:]:
        hits = sum(times for word, times in counts.items() if word in _marking(language))
        if hits > most:
            best, most = language, hits
    return sum(word in _only_english() for word in words), best, most


def _sober_votes(text: str) -> tuple[int, str, int]:
    """The votes of the words in lower case that are no part of a compound: names vote for all sorts of languages."""
    return votes([fold(word) for word in _SOBER.findall(text) if word[0].islower()])


def votes_of(text: str) -> tuple[int, str, int]:
    """The votes of a text as it is written."""
    return votes([fold(word) for word in _WORD.findall(text)])


def marks_of(text: str, language: str) -> int:
    """How many words of a text mark it as being in the language."""
    return sum(fold(word) in _marking(language) for word in _WORD.findall(text))


def _english_votes(words: list[str], but: str) -> int:
    """Function words of English that the language `but` does not have."""
    return sum(word in words_of("en") and word not in words_of(but) for word in words)


# ---------------------------------------------------------------------- detectors


def detectable() -> bool:
    """Whether the detectors are installed."""
    return not extras.missing("languages")


def named(text: str) -> str:
    """What py3langid calls the language of a text."""
    from py3langid import classify  # type: ignore[import-not-found]

    code = str(classify(text[:_ENOUGH])[0])
    return _SAME.get(code, code)


_LISTED = {
    language: ("sh" if language == "hr" else "fil" if language == "tl" else language)
    for language in "en de fr es pt it nl sv da nb fi pl cs sk hu ro tr vi id hr sl lv lt ca is tl".split()
}  # languages in Latin script, and the list of word frequencies of each
_MARGIN = 4.0  # nats by which the detector may prefer one of two languages whose words are to decide


def _likeliest(text: str) -> list[str]:
    """The language with a list of words that py3langid finds likeliest, and those that it finds nearly as likely."""
    from py3langid import rank

    found: dict[str, float] = {}
    for code, likely in rank(text[:_ENOUGH]):
        language = _SAME.get(str(code), str(code)) if code != "gl" else ""
        if found and likely < max(found.values()) - _MARGIN:
            break
        if language in _LISTED:
            found.setdefault(language, float(likely))
    return list(found)


def _by_frequency(text: str, words: list[str]) -> str:
    """The language whose common words a text has, words that English has not or hardly has; "" where none is proved.

    The words in lower case count (names are at home everywhere; of German all do). Each weighs the difference of its
    Zipf frequencies, from one up to four; English ones weigh against it.
    """
    best, most = "", 0.0
    for language in _likeliest(text):
        if language == "en":
            continue
        strong, weight, sober = _gains(text, language)
        few = len(words) <= 8
        needed = max(3.0 if few else 4.5, 0.25 * sober, most + 0.5)
        if weight >= needed and (strong > 1 or (strong and weight >= 4 and 2 * sober >= len(words))):
            best, most = language, weight
    return best or _far_from_english(text)


_FAR = 20.0  # nats


def _far_from_english(text: str) -> str:
    """The language that py3langid is sure of for words in lower case of which English has none; "" without one."""
    from py3langid import rank

    from curator.text.dictionaries import frequencies

    sober = [word for word in dict.fromkeys(_SOBER.findall(text)) if word[0].islower() and len(word) > 1]
    if len(sober) < 3 or sum(map(len, sober)) < SHORTEST * 0.6 or any(w.casefold() in frequencies("en") for w in sober):
        return ""
    found: dict[str, float] = {}
    for code, likely in rank(" ".join(sober)):
        found.setdefault(_SAME.get(str(code), str(code)), float(likely))
    best = max((name for name in found if name in LATIN), key=found.__getitem__)
    return best if found[best] > found["en"] + _FAR else ""


def _gains(text: str, language: str) -> tuple[int, float, int]:
    """(words that are the language's rather than English, what all weigh together, words that count)."""
    from curator.text.dictionaries import frequencies

    theirs, english = frequencies(_LISTED[language]), frequencies("en")
    written = list(dict.fromkeys(_SOBER.findall(text)))  # a chant is one word
    begins = written[:1] if written and written[0].casefold() not in english else []
    written = begins + [word for word in written[len(begins) :] if word[0].islower() or language == "de"]
    written = [word for word in written if len(word) > 1]
    gains = [theirs.get(word, _UNLISTED) - english.get(word, _UNLISTED) for word in map(str.casefold, written)]
    accents = sum(word[0].islower() and bool(_ACCENTED.search(word)) for word in written)
    weight = sum(min(gain, 4.0) for gain in gains if gain >= 1) + accents
    weight += 1.2 * sum(max(gain, -4.0) for gain in gains if gain <= -1)
    return sum(gain >= 1.5 for gain in gains) + min(accents, 2), weight, len(written)


def second_opinion(text: str) -> str:
    """What langdetect calls it, the same at every run; "" where it cannot tell."""
    from langdetect import DetectorFactory, LangDetectException, detect  # type: ignore[import-not-found]

    DetectorFactory.seed = 0
    try:
        code = str(detect(text[:_ENOUGH]))
    except LangDetectException:
        return ""
    return _SAME.get(code, code)


# ---------------------------------------------------------------------- a text

QUOTED = compiled_later(r"[\"“«„][^\"“”«»„\n]{1,400}[\"”»“]")
SHORTEST = 20  # characters, in Latin script
_READ = 2000  # characters that are looked at
_ENOUGH = 300  # characters that a detector needs


def prose_of(text: str) -> str:
    """The beginning of the text without code, addresses, tables, mathematics, markup and quotations."""
    text = text[:_READ]
    parts, at = [], 0
    for start, end, _ in masked(text):
        parts.append(text[at:start])
        at = end
    return QUOTED.sub(" ", " ".join([*parts, text[at:]]))


def language_of(text: str) -> Claim | None:
    """The language of a text in prose, or None where nothing proves one.

    `text` should be free of code and quotations (`prose_of`).
    """
    script, beyond, latin = script_of(text)
    if beyond > latin and beyond > 1:
        return Claim(_in_script(text, script), script)
    written = _WORD.findall(text)
    words = list(map(fold, written))
    if latin < SHORTEST * 0.6 or len(text.strip()) < SHORTEST or len(words) < 2:
        return None
    english, best, most = _sober_votes(text)
    marks = most + sum(word[0].islower() and bool(_ACCENTED.search(word)) for word in written)
    plain = sum(word in words_of("en") for word in words)
    if plain >= 2 and 8 * plain >= len(words) and 2 * english >= marks:
        return Claim("en", "Latin") if english or not marks else None
    capitals = sum(word[0].isupper() for word in written)
    if capitals > 0.75 * len(written) and best != "de":
        return None  # a list of names
    marked = len(words) > 2 and marks >= (1 if len(words) <= 8 else 2) and marks > 2 * english
    marked &= 25 * marks >= len(words) and (capitals <= 0.6 * len(written) or best == "de")
    if not detectable():
        sure = marked and most >= 3 and most > 2 * english and most * 6 >= len(words)
        return Claim(best, "Latin") if sure else None
    name = named(text) if marked else ""
    if name in LATIN and name != "en":
        hits = marks - most + sum(word in _evidence(name) for word in words)
        if hits >= (1 if len(words) <= 8 else 2) and hits > _english_votes(words, name):
            return Claim(_among_neighbours(written, name), "Latin")
    language = _by_frequency(text, words) if marked or _is_strange(text, marks) else ""
    return Claim(_among_neighbours(written, language), "Latin") if language else None


# Languages near enough that a detector often takes one for the other.
_NEIGHBOURS = tuple(map(str.split, ("da nb sv", "hr sl", "es pt ca", "cs sk")))


def _among_neighbours(written: list[str], name: str) -> str:
    """The language, or a neighbour of it whose common words these rather are."""
    words = [word.casefold() for word in written]
    if name == "af":
        ours = sum(fold(word) in words_of("af") and fold(word) not in words_of("nl") for word in words)
        return "af" if ours or _familiarity(words, "nl") < 3.5 * len(words) else "nl"
    near = {other for group in _NEIGHBOURS if name in group for other in group}
    weights = {other: _familiarity(words, other) - (other != name) for other in near}
    return max(weights, key=lambda each: (weights[each], each == name), default=name)


def _is_strange(text: str, marks: int) -> bool:
    """Whether a text has words of other languages, or none of English: else the detector need not be loaded for it."""
    from curator.text.dictionaries import frequencies, met_elsewhere

    if extras.missing("words"):
        return marks > 0
    sober = {word.casefold() for word in _SOBER.findall(text) if word[0].islower() and len(word) > 1}
    strange = sober - frequencies("en").keys()
    if len(strange) >= 3 and len(strange) == len(sober):
        return True
    return bool(strange) and marks + len(met_elsewhere(strange)) >= (1 if len(sober) <= 5 else 2)


def name_of(text: str) -> str:
    """The likeliest language of a text, proved or not; "" where nothing tells. `language_of` is the careful one."""
    prose = prose_of(text)
    if claim := language_of(prose):
        return claim.language
    script, beyond, latin = script_of(prose)
    if beyond > latin:
        return _in_script(prose, script)
    if not detectable():
        return votes_of(prose)[1]
    first, second = named(prose), second_opinion(prose)
    return first if first == second or first in LATIN else second


def voted(text: str) -> str:
    """What most words of a text vote for: a language, or the name of its script beside Latin; "" where nothing tells.

    Cheap, and the same whatever is installed.
    """
    prose = prose_of(text)
    script, beyond, latin = script_of(prose)
    if beyond > latin:
        return script
    english, best, most = votes_of(prose)
    return best if most > english else "en" if english else ""


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Spans of sentences and lines with a letter in them."""
    for match in re.finditer(r"[^.!?。！？\n]+[.!?。！？]*", text):
        if _WORD.search(match.group()):
            yield match.span()


# ---------------------------------------------------------------------- columns

# The scripts as the first byte of a word's UTF-8 tells them; Latin words are 0.
KINDS = ("Latin", "Greek", "Cyrillic", "Hebrew", "Arabic", "South Asian", "Han", "Hangul", "other")


def _kind_of_byte(byte: int) -> int:
    for kind, (low, high) in enumerate(
        ((0xCE, 0xCF), (0xD0, 0xD3), (0xD6, 0xD7), (0xD8, 0xDB), (0xE0, 0xE0), (0xE3, 0xE9), (0xEA, 0xED)), 1
    ):
        if low <= byte <= high:
            return kind
    return 8 if byte in (0xD4, 0xD5) else 0


_KIND = np.array([_kind_of_byte(byte) for byte in range(256)], dtype=np.uint8)
_WIDTH = np.array([1 if byte < 0xC0 else 2 if byte < 0xE0 else 3 for byte in range(256)], dtype=np.uint8)
_SLOTS = 18  # bits
_ENGLISH, _FOREIGN, _COMMON = 1, 2, 3


@cache
def _common_english() -> list[str]:
    """English words that are common and mark no other language."""
    from curator.text.dictionaries import frequencies, unremarkable

    common = unremarkable() or (list(frequencies("en")) if not extras.missing("languages") else [])
    marks = frozenset().union(*map(_marking, LATIN[1:]))
    return [word for word in common if word not in marks]


class _Tables(NamedTuple):
    """What the top bits of a word's hash tell."""

    flags: np.ndarray  # uint8: _ENGLISH, _FOREIGN, _COMMON (any common English word) or 0
    masks: np.ndarray  # uint64: the languages (bits of LATIN) that have the word
    hashes: np.ndarray  # uint64: the word's whole hash


@cache
def _tables() -> _Tables:
    flags, masks, hashes = (np.zeros(1 << _SLOTS, kind) for kind in (np.uint8, np.uint64, np.uint64))
    shift = np.uint64(64 - _SLOTS)
    common = hash_words(column(_common_english())).hashes
    hashes[common >> shift], flags[common >> shift] = common, _COMMON
    for bit, language in enumerate(LATIN[1:], 1):
        words = hash_words(column(sorted(_marking(language)))).hashes
        strangers = hashes[words >> shift] != words
        masks[words[strangers] >> shift] = 0
        hashes[words >> shift] = words
        masks[words >> shift] |= np.uint64(1 << bit)
        flags[words >> shift] = _FOREIGN
    flags[hash_words(column(sorted(_only_english()))).hashes >> shift] = _ENGLISH
    return _Tables(flags, masks, hashes)


class Votes(NamedTuple):
    """What the words of each turn say; every array runs parallel to the turns."""

    words: np.ndarray  # int64: words in Latin script
    english: np.ndarray  # int64: function words of English among them
    common: np.ndarray  # int64: common words of English among them, function words too
    spelt: np.ndarray  # int64: words of two letters and more among them
    foreign: np.ndarray  # int64: marking words of the language that has most
    language: np.ndarray  # int64: that language, an index of LATIN
    accented: np.ndarray  # int64: accented letters
    latin: np.ndarray  # int64: bytes of words in Latin script (and digits)
    beyond: np.ndarray  # int64: letters of other scripts
    kind: np.ndarray  # int64: the script that has most of those, an index of KINDS


def turn_votes(batch: Batch) -> Votes:
    """The votes of every turn of a batch."""
    words, turns = batch.words, len(batch.turns)
    if not len(words.hashes):
        return Votes(*np.zeros((10, turns), np.int64))
    of_turn = np.repeat(np.arange(turns, dtype=np.int32), np.diff(words.offsets))
    tables = _tables()
    slots = (words.hashes >> np.uint64(64 - _SLOTS)).astype(np.int32)
    flagged = tables.flags[slots]
    hits = np.zeros((turns, len(LATIN)), np.int32)
    places = np.flatnonzero(flagged == _FOREIGN)
    places = places[tables.hashes[slots[places]] == words.hashes[places]]
    said, turn = tables.masks[slots[places]], of_turn[places]
    for bit in range(1, len(LATIN)):
        hits[:, bit] = np.bincount(turn[(said >> np.uint64(bit) & np.uint64(1)).astype(bool)], minlength=turns)
    ours = flagged == _ENGLISH
    known = flagged == _COMMON
    known &= tables.hashes[slots] == words.hashes
    lengths = words.ends - words.starts
    count, octets = np.diff(words.offsets), _per_turn(lengths, words.offsets)
    first = np.frombuffer(batch.folded.data, np.uint8)[words.starts]
    strange = np.flatnonzero(first >= 0xCE)
    strange = strange[_KIND[first[strange]] > 0]
    beyond = np.zeros((turns, len(KINDS)), np.int64)
    if len(strange):
        kinds, turn = _KIND[first[strange]], of_turn[strange]
        letters = lengths[strange] // _WIDTH[first[strange]]
        table = np.bincount(turn * len(KINDS) + kinds, letters, turns * len(KINDS))
        beyond = table.reshape(turns, len(KINDS)).astype(np.int64)
        count = count - np.bincount(turn, minlength=turns)
        octets = octets - np.bincount(turn, lengths[strange], turns).astype(np.int64)
    return Votes(
        words=count,
        english=_per_turn(ours, words.offsets),
        common=_per_turn(ours | known, words.offsets),
        spelt=_per_turn((first > ord("9")) & (lengths > 1), words.offsets),
        foreign=hits.max(axis=1).astype(np.int64),
        language=hits.argmax(axis=1),
        accented=_accents(batch),
        latin=octets,
        beyond=beyond.sum(axis=1),
        kind=beyond.argmax(axis=1),
    )


def _accents(batch: Batch) -> np.ndarray:
    """Letters of two bytes from U+00C0 to U+024F in each turn."""
    data = np.frombuffer(batch.folded.data, np.uint8)
    places = np.flatnonzero((data >= 0xC3) & (data <= 0xC9))
    turns = np.searchsorted(batch.folded.ends, places)
    return np.bincount(turns, minlength=len(batch.turns))


def _per_turn(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The sum of a word's values over each turn."""
    sums = np.concatenate(([0], np.cumsum(values, dtype=np.int64)))
    total: np.ndarray = sums[offsets[1:]] - sums[offsets[:-1]]
    return total
