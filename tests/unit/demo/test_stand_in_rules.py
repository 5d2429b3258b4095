import httpx
import pytest
from stand_in_stage import CHANNEL, WEBHOOK

MESSAGES = f"/channels/{CHANNEL}/messages"


def field(name="n", value="v"):
    return {"name": name, "value": value}


def embed(**parts):
    return {"title": "t"} | parts


def button(**parts):
    return {"type": 2, "style": 5, "label": "Redeem", "url": "https://redeem.example/"} | parts


def rows(*listed):
    return {"content": "x", "components": [{"type": 1, "components": row} for row in listed]}


def leaf(errors, path):
    for key in path.split("/") if path else ():
        errors = errors[key]
    return errors["_errors"]


TOO_MUCH = [
    ({"content": "x" * 2001}, "content", "BASE_TYPE_MAX_LENGTH"),
    ({"content": {"a": 1}}, "content", "STRING_TYPE_CONVERT"),
    ({"embeds": [embed()] * 11}, "embeds", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": "none"}, "embeds", "LIST_TYPE_CONVERT"),
    ({"embeds": ["none"]}, "embeds/0", "MODEL_TYPE_CONVERT"),
    ({"embeds": [embed(title="x" * 257)]}, "embeds/0/title", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [embed(), embed(description="x" * 4097)]}, "embeds/1/description", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [embed(fields=[field()] * 26)]}, "embeds/0/fields", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [embed(fields=[field(name="x" * 257)])]}, "embeds/0/fields/0/name", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [embed(fields=[field(value="x" * 1025)])]}, "embeds/0/fields/0/value", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [embed(fields=[field(name=" ")])]}, "embeds/0/fields/0/name", "BASE_TYPE_REQUIRED"),
    ({"embeds": [embed(fields=[field(), field(value="")])]}, "embeds/0/fields/1/value", "BASE_TYPE_REQUIRED"),
    ({"embeds": [embed(fields=[{"name": "n"}])]}, "embeds/0/fields/0/value", "BASE_TYPE_REQUIRED"),
    ({"embeds": [embed(footer={"text": "x" * 2049})]}, "embeds/0/footer/text", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [embed(author={"name": "x" * 257})]}, "embeds/0/author/name", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [embed(url="x" * 2049)]}, "embeds/0/url", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [embed(url="javascript:alert(1)")]}, "embeds/0/url", "URL_TYPE_INVALID_SCHEME"),
    ({"embeds": [embed(url="https:///nowhere")]}, "embeds/0/url", "URL_TYPE_INVALID_URL"),
    ({"embeds": [embed(image={"url": "picture.png"})]}, "embeds/0/image/url", "URL_TYPE_INVALID_SCHEME"),
    ({"embeds": [embed(color=0x1000000)]}, "embeds/0/color", "NUMBER_TYPE_MAX"),
    ({"embeds": [embed(color=-1)]}, "embeds/0/color", "NUMBER_TYPE_MIN"),
    ({"embeds": [embed(color="red")]}, "embeds/0/color", "NUMBER_TYPE_COERCE"),
    ({"embeds": [embed(timestamp="tomorrow")]}, "embeds/0/timestamp", "DATE_TIME_TYPE_PARSE"),
    ({"content": "x", "nonce": "n" * 26}, "nonce", "BASE_TYPE_MAX_LENGTH"),
    ({"content": "x", "nonce": ["n"]}, "nonce", "NONCE_TYPE_CONVERT"),
    ({"content": "x", "enforce_nonce": "yes"}, "enforce_nonce", "BOOLEAN_TYPE_CONVERT"),
    ({"content": "x", "allowed_mentions": []}, "allowed_mentions", "MODEL_TYPE_CONVERT"),
    ({"content": "x", "allowed_mentions": {"parse": ["all"]}}, "allowed_mentions/parse/0", "BASE_TYPE_CHOICES"),
    ({"content": "x", "allowed_mentions": {"roles": ["a"]}}, "allowed_mentions/roles/0", "NUMBER_TYPE_COERCE"),
    (
        {"content": "x", "allowed_mentions": {"users": [*range(101)]}},
        "allowed_mentions/users",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        {"content": "x", "allowed_mentions": {"roles": [1, 1]}},
        "allowed_mentions/roles",
        "SET_TYPE_ALREADY_CONTAINS_VALUE",
    ),
    (
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": [1]}},
        "allowed_mentions",
        "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
    ),
    (rows([button()] * 6), "components/0/components", "BASE_TYPE_MAX_LENGTH"),
    (rows(*[[button()]] * 6), "components", "BASE_TYPE_MAX_LENGTH"),
    (rows([]), "components/0/components", "BASE_TYPE_BAD_LENGTH"),
    (rows([button(label="x" * 81)]), "components/0/components/0/label", "BASE_TYPE_MAX_LENGTH"),
    (rows([button(label=" ")]), "components/0/components/0/label", "BASE_TYPE_REQUIRED"),
    (
        rows([button(), button(url="https://x.example/" + "x" * 500)]),
        "components/0/components/1/url",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (rows([button(url="javascript:alert(1)")]), "components/0/components/0/url", "URL_TYPE_INVALID_URL"),
    (rows([button(style=1, custom_id="press")]), "components/0/components/0/style", "BASE_TYPE_CHOICES"),
    ({"content": "x", "components": [button()]}, "components/0/type", "BASE_TYPE_CHOICES"),
]


@pytest.mark.parametrize(("body", "path", "code"), TOO_MUCH, ids=[f"{path}-{code}" for _, path, code in TOO_MUCH])
def test_a_body_that_breaks_a_rule_is_refused_and_the_error_says_where(discord, api, body, path, code):
    response = api.post(MESSAGES, json=body)
    assert (response.status_code, response.json()["code"]) == (400, 50035)
    assert code in [error["code"] for error in leaf(response.json()["errors"], path)]
    assert discord.messages(CHANNEL) == []


def test_a_body_at_every_limit_is_accepted(discord, api):
    body = {
        "content": " " + "c" * 2000 + "\n",
        "nonce": "n" * 25,
        "embeds": [
            embed(title=" " + "t" * 256 + " ", fields=[field("n" * 256, "v" * 1024)], color=0xFFFFFF),
            embed(title="", description="d" * 4096),
            *[embed() for _ in range(8)],
        ],
    }
    assert api.post(MESSAGES, json=body).status_code == 200
    assert len(discord.messages(CHANNEL)[0].content) == 2000


def test_six_thousand_characters_is_the_limit_over_all_embeds(discord, api):
    def body(last):
        parts = embed(
            title="t", footer={"text": "f" * 1000}, author={"name": "a" * 200}, fields=[field("n", "v" * 799)]
        )
        return {"embeds": [parts, embed(title="", description="d" * last)]}

    assert api.post(MESSAGES, json=body(6000 - 2001)).status_code == 200
    response = api.post(MESSAGES, json=body(6000 - 2000))
    assert leaf(response.json()["errors"], "embeds")[0]["code"] == "MAX_EMBED_SIZE_EXCEEDED"


@pytest.mark.parametrize("body", [{}, {"content": "  "}, {"embeds": []}, {"embeds": [{"color": 1}]}, {"content": None}])
def test_a_message_that_shows_nothing_is_refused_as_empty(discord, api, body):
    for url in (MESSAGES, discord.webhook_url(WEBHOOK)):
        response = api.post(url, json=body)
        assert (response.status_code, response.json()["code"]) == (400, 50006)


def test_all_errors_of_a_body_are_told_at_once(api):
    errors = api.post(MESSAGES, json={"content": "x" * 2001, "embeds": [embed(title="x" * 257)]}).json()["errors"]
    assert sorted(errors) == ["content", "embeds"]


def test_a_body_that_is_no_json_object_is_refused(api):
    headers = {"Content-Type": "application/json"}
    for content, code in ((b"{", 50109), (b"\xff", 50109), (b"", 50109), (b"[]", 50035)):
        response = api.post(MESSAGES, content=content, headers=headers)
        assert (response.status_code, response.json()["code"]) == (400, code)


def test_a_body_of_another_content_type_is_refused_and_noted(discord, api):
    for headers in ({"Content-Type": "text/plain"}, {}):
        response = api.post(MESSAGES, content=b'{"content": "x"}', headers=headers)
        assert (response.status_code, response.json()["code"]) == (400, 50035)
    assert len(discord.unexpected) == 2


def test_parts_that_the_stand_in_does_not_know_are_refused_and_noted(discord, api):
    response = api.post(MESSAGES, json={"content": "x", "sticker_ids": ["1"]})
    assert response.status_code == 400
    assert "sticker_ids" in discord.unexpected[0]


@pytest.mark.parametrize("agent", ["python-httpx/0.28", "DiscordBot", "DiscordBot (giftping)", ""])
def test_a_user_agent_that_is_none_of_a_bot_is_blocked(discord, agent):
    response = httpx.post(discord.webhook_url(WEBHOOK), json={"content": "x"}, headers={"User-Agent": agent})
    assert (response.status_code, response.json()["code"]) == (403, 40333)
    assert discord.messages(CHANNEL) == []
