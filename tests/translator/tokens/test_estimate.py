"""The estimate against published ratios, the few comparable recordings, and its own promises."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.recordings import load
from translator.shapes.dify import MediaKind, MediaPart, Message, Role, TextPart, Tool, ToolCall
from translator.tokens import MEDIA_TOKENS, TEXT_MARKS, Vocabulary, estimate_messages, estimate_text, estimate_texts
from translator.tokens.estimate import MANY, PROMPT_TOKENS

FIXTURES = Path(__file__).parents[3] / "fixtures"

ENGLISH = (
    "The committee met on Tuesday to discuss the proposal for a new public library. Several residents spoke in favour of the plan, saying "
    "that the old building had become too small for the growing town. Others were worried about the cost, and asked whether the money "
    "could be better spent on schools. After two hours of debate, the members agreed to collect more information before taking a vote. "
    "A detailed report is expected by the end of the month, and everybody is invited to send comments to the office until then."
)

# text, and characters per token that a vocabulary of today gives: the band of published ratios, widened to what we promise
PARAGRAPHS: dict[str, tuple[str, float, float]] = {
    # Llama 3: 4.56 (FLORES), 4.7 (an encyclopedia page); cl100k and o200k: 4.34 and 4.38 (a million words)
    "english": (ENGLISH, 4.0, 5.2),
    "german": (
        "Der Ausschuss traf sich am Dienstag, um über den Vorschlag für eine neue öffentliche Bibliothek zu sprechen. Mehrere Einwohner "
        "sprachen sich für den Plan aus und sagten, dass das alte Gebäude für die wachsende Stadt zu klein geworden sei. Andere machten "
        "sich Sorgen über die Kosten und fragten, ob das Geld nicht besser in die Schulen gesteckt werden könnte.",
        2.7,
        3.9,
    ),
    "french": (
        "Le comité s'est réuni mardi pour discuter de la proposition d'une nouvelle bibliothèque publique. Plusieurs habitants ont pris la "
        "parole en faveur du projet, disant que l'ancien bâtiment était devenu trop petit pour la ville. D'autres s'inquiétaient du coût "
        "et demandaient si l'argent ne serait pas mieux employé dans les écoles.",
        2.7,
        3.9,
    ),
    "spanish": (
        "El comité se reunió el martes para discutir la propuesta de una nueva biblioteca pública. Varios vecinos hablaron a favor del "
        "plan y dijeron que el viejo edificio se había quedado pequeño para la ciudad. Otros estaban preocupados por el coste y "
        "preguntaron si el dinero no estaría mejor gastado en las escuelas.",
        2.9,
        4.1,
    ),
    "indonesian": (  # Llama 3: 3.33
        "Panitia bertemu pada hari Selasa untuk membahas usulan perpustakaan umum yang baru. Beberapa warga berbicara mendukung rencana "
        "itu dan mengatakan bahwa gedung lama sudah terlalu kecil untuk kota yang terus berkembang.",
        2.6,
        4.4,
    ),
    "vietnamese": (  # Llama 3: 3.67
        "Ủy ban đã họp vào thứ ba để thảo luận về đề xuất xây dựng một thư viện công cộng mới. Nhiều người dân đã phát biểu ủng hộ kế "
        "hoạch này và nói rằng tòa nhà cũ đã trở nên quá nhỏ đối với thành phố đang phát triển.",
        2.6,
        3.8,
    ),
    "hungarian": (  # cl100k 2.29, o200k 2.66
        "A bizottság kedden ülésezett, hogy megvitassa az új közkönyvtárra vonatkozó javaslatot. Több lakos is a terv mellett szólalt "
        "fel, mondván, hogy a régi épület túl kicsi lett a növekvő város számára.",
        2.1,
        3.1,
    ),
    "russian": (  # 2.9 to 4.1 over eleven models
        "Комитет собрался во вторник, чтобы обсудить предложение о новой публичной библиотеке. Несколько жителей высказались в поддержку "
        "плана, сказав, что старое здание стало слишком маленьким для растущего города.",
        2.8,
        3.9,
    ),
    "arabic": (
        "اجتمعت اللجنة يوم الثلاثاء لمناقشة اقتراح إنشاء مكتبة عامة جديدة. "
        "وتحدث عدد من السكان لصالح الخطة قائلين إن المبنى القديم أصبح صغيرا جدا.",
        1.8,
        3.0,
    ),
    "hindi": (  # Llama 3: 1.89
        "समिति ने मंगलवार को नए सार्वजनिक पुस्तकालय के प्रस्ताव पर चर्चा करने के लिए बैठक की। कई निवासियों ने योजना के पक्ष में बात की।",
        1.6,
        2.6,
    ),
    "thai": (  # Llama 3: 2.10
        "คณะกรรมการประชุมกันในวันอังคารเพื่อหารือเกี่ยวกับข้อเสนอสร้างห้องสมุดสาธารณะแห่งใหม่ ชาวเมืองหลายคนพูดสนับสนุนแผนนี้",
        1.7,
        2.5,
    ),
    "chinese": (  # 1.67 in DeepSeek's documentation; Llama 3: 1.25 to 1.67; cl100k: about 1
        "委员会星期二开会讨论新建公共图书馆的提案。几位居民发言支持这项计划，"
        "他们说旧楼对于不断发展的城镇来说已经太小了。其他人则担心费用问题。",
        1.2,
        1.8,
    ),
    "japanese": (  # Llama 3: 1.1 to 1.4
        "委員会は火曜日に新しい公共図書館の提案について話し合うために集まりました。"
        "何人かの住民は、古い建物が小さくなりすぎたと述べ、計画に賛成しました。",
        1.1,
        1.7,
    ),
    "korean": (  # 1.5 to 1.8 over five open vocabularies
        "위원회는 화요일에 모여 새로운 공공 도서관 건립 제안을 논의했습니다. "
        "여러 주민들이 낡은 건물이 너무 작아졌다며 계획에 찬성하는 발언을 했습니다.",
        1.5,
        2.0,
    ),
    "python": (
        "def merge(left, right):\n    result = []\n    i = j = 0\n    while i < len(left) and j < len(right):\n"
        "        if left[i] <= right[j]:\n"
        "            result.append(left[i])\n            i += 1\n        else:\n            result.append(right[j])\n            j += 1\n"
        "    return result + left[i:] + right[j:]\n",
        2.4,
        3.9,
    ),
    "javascript": (
        "export async function fetchUsers(baseUrl, { limit = 20, offset = 0 } = {}) {\n  const response = await fetch("
        "`${baseUrl}/users?limit=${limit}&offset=${offset}`);\n  if (!response.ok) {\n    throw new HttpError("
        "response.status, await response.text());\n  }\n"
        "  return (await response.json()).map((user) => ({ ...user, createdAt: new Date(user.createdAt) }));\n}\n",
        2.6,
        4.0,
    ),
    "json": (
        json.dumps([{"id": n, "name": f"user{n}", "email": f"u{n}@example.com", "active": True, "tags": ["alpha"]} for n in range(8)]),
        2.0,
        3.3,
    ),
    "digits": ("31415926535897932384626433832795028841971693993751", 1.0, 3.0),
    "emoji": ("😀🎉👍🚀🌍🔥", 0.3, 1.0),
}


@pytest.mark.parametrize("name", PARAGRAPHS)
def test_characters_per_token_lie_in_the_published_band(name: str) -> None:
    text, low, high = PARAGRAPHS[name]
    assert low <= len(text) / estimate_text(text) <= high
    assert low <= len(text) * 50 / estimate_text(f"{text}\n" * 50) <= high * 1.02


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("hi", 1),
        ("hello world", 3),
        ("the cat", 2),
        ("a", 1),
        (" ", 1),
        ("\n", 1),
        ("你", 1),
        ("好的", 1),
        ("5", 1),
        ("2024", 3),
        ("é", 2),
        ("\x00", 1),
        ("\ud800", 1),
    ],
)
def test_short_texts(text: str, tokens: int) -> None:
    assert estimate_text(text) == tokens


def test_runs_of_blanks_are_cheap_and_words_without_end_are_not() -> None:
    assert estimate_text(" " * 1000) < 30
    assert estimate_text("\n" * 1000) < 5
    assert estimate_text("x" * 4000) > 800
    assert estimate_text("getUserById") > estimate_text("something")


@given(st.text())
def test_only_nothing_is_nothing(text: str) -> None:
    estimate = estimate_text(text)
    assert (estimate > 0) is bool(text)
    assert estimate <= 3 * len(text)


@given(first=st.text(max_size=200), second=st.text(max_size=200))
def test_lines_add_up(first: str, second: str) -> None:
    """Only the language that Latin words seem to be in may change."""
    whole, parts = estimate_text(f"{first}\n{second}"), estimate_text(first) + estimate_text(second)
    assert whole <= parts * 1.5 + 8
    assert parts <= whole * 1.5 + 8


@given(st.lists(st.text(max_size=20), max_size=20))
def test_texts_keep_their_number_and_order(texts: list[str]) -> None:
    assert estimate_texts(texts) == [estimate_text(text) for text in texts]


def recorded(version: str, scenario: str) -> tuple[dict[str, Any], int]:
    exchange = load(version, scenario)
    return exchange.request_body, json.loads(exchange.body.splitlines()[-1])["prompt_eval_count"]


@pytest.mark.parametrize("scenario", ["embed-one", "embed-batch", "embeddinggemma-one", "embeddinggemma-batch", "embeddinggemma-blank"])
@pytest.mark.parametrize("version", ["0.24.0-real", "0.33.0-rc2-real"])
def test_recorded_embeddings_of_real_models(version: str, scenario: str) -> None:
    """Begin and end of each text are part of the estimate."""
    body, real = recorded(version, scenario)
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    vocabulary = Vocabulary.GEMMA if scenario.startswith("embeddinggemma") else Vocabulary.BERT
    assert sum(estimate_texts(texts, vocabulary, TEXT_MARKS)) == pytest.approx(real, rel=0.15, abs=2 * len(texts))


def test_a_word_without_end_of_repetitions_is_a_token_each() -> None:
    body, real = recorded("0.33.0-rc2", "embed-2048-num-batch")
    assert sum(estimate_texts(body["input"], Vocabulary.BERT, TEXT_MARKS)) == pytest.approx(real, rel=0.05)


@pytest.mark.parametrize("scenario", ["gemma-base", "generate-gemma-raw"])
@pytest.mark.parametrize("version", ["0.24.0-real", "0.33.0-rc2-real"])
def test_recorded_prompts_of_a_real_gemma(version: str, scenario: str) -> None:
    body, real = recorded(version, scenario)
    text = body["prompt"] if "prompt" in body else "\n".join(message["content"] for message in body["messages"])
    assert abs(estimate_text(text, Vocabulary.GEMMA) - real) <= 2 + (0 if "prompt" in body else 12)


def user(content: str | tuple[TextPart | MediaPart, ...]) -> Message:
    return Message(role=Role.USER, content=content)


PICTURE = MediaPart(kind=MediaKind.IMAGE, base64="A" * 1_000_000)
WEATHER = Tool(
    name="get_weather", description="Weather of a city", parameters={"type": "object", "properties": {"city": {"type": "string"}}}
)


def test_messages_count_their_marks() -> None:
    empty, one, two = estimate_messages([]), estimate_messages([user("hello")]), estimate_messages([user("hello")] * 2)
    assert 1 <= empty < one
    assert two - one == one - empty
    assert 4 <= one - empty - estimate_text("hello") <= 8


def test_pictures_count_as_a_constant() -> None:
    assert estimate_messages([user((PICTURE, TextPart("look")))]) - estimate_messages([user("look")]) == MEDIA_TOKENS
    assert estimate_messages([user((PICTURE, PICTURE))]) - estimate_messages([user("")]) == 2 * MEDIA_TOKENS


def test_past_calls_and_tool_results_count() -> None:
    call = ToolCall(id="call_1", name="get_weather", arguments='{"city": "Berlin"}')
    plain = estimate_messages([Message(role=Role.ASSISTANT)])
    with_call = estimate_messages([Message(role=Role.ASSISTANT, tool_calls=(call,))])
    assert with_call - plain >= estimate_text(call.name) + estimate_text(call.arguments)
    assert estimate_messages([Message(role=Role.TOOL, content="21 C", name="get_weather")]) > plain


def test_tools_count_through_their_json() -> None:
    none, one, two = (estimate_messages([user("hi")], [WEATHER] * count) for count in range(3))
    described = Tool(name="get_weather", description="Weather of a city" * 20, parameters=WEATHER.parameters)
    assert none + 30 < one < two
    assert 25 <= two - one <= 60
    assert estimate_messages([user("hi")], [described]) > one + 50


SHORT = ("hi", "What is the weather in Paris today?", "Danke, das war sehr hilfreich!", "你好，请问今天天气怎么样？", "x = 12.5")


def test_very_many_short_messages_cost_what_few_of_them_do() -> None:
    """100,001 of them took 3 s to be measured one by one; some at a time they take a tenth, and mean the same."""
    few = [Message(role=Role.USER, content=text) for text in SHORT]
    times = MANY // len(SHORT) + 1
    assert estimate_messages(few * times) == pytest.approx(times * (estimate_messages(few) - PROMPT_TOKENS), rel=0.07)
