import json

import pytest
from fakes.openapi import ABSENT, discord_openapi
from stand_in_stage import CHANNEL, GUILD, WEBHOOK

from giftping.demo.bodies import MAX_FILES_SIZE
from giftping.demo.world import Permission

MESSAGES = f"/channels/{CHANNEL}/messages"
ANY_BYTES = bytes(range(256)) + b"\r\n\r\n--\n\r\r\n"


def post(api, *files, path=MESSAGES, **body):
    named = {f"files[{number}]": file for number, file in enumerate(files)}
    return api.post(path, data={"payload_json": json.dumps(body)}, files=named)


def error_of(response):
    return response.status_code, response.json()["code"]


def test_a_file_arrives_with_every_byte_and_is_shown(discord, api):
    shown = post(api, ("our plan é.png", ANY_BYTES, "image/png"), content="done").json()
    [message] = discord.messages(CHANNEL)
    [stored] = message.attachments
    assert (message.content, stored.content) == ("done", ANY_BYTES)
    assert (stored.filename, stored.content_type, stored.size) == ("our plan é.png", "image/png", len(ANY_BYTES))
    [attachment] = shown["attachments"]
    assert (attachment["id"], attachment["filename"]) == (str(stored.id), "our plan é.png")
    assert attachment["url"].endswith(f"/attachments/{CHANNEL}/{stored.id}/our%20plan%20%C3%A9.png")


@pytest.mark.parametrize("content", [b"", b"\r\n", b"From: x\r\n\r\nbody", b"--boundary--\r\n"])
def test_a_file_may_look_like_anything(discord, api, content):
    assert post(api, ("mail.eml", content, "message/rfc822")).status_code == 200
    assert discord.messages(CHANNEL)[0].attachments[0].content == content


def test_a_message_with_a_file_and_nothing_else_is_not_empty(discord, api):
    assert post(api, ("a.txt", b"a")).status_code == 200
    assert error_of(api.post(MESSAGES, json={"content": " "})) == (400, 50006)


def test_files_keep_their_order_and_bear_the_names_that_the_body_gives(discord, api):
    listed = [{"id": "1", "filename": "proof.png"}, {"id": 0, "description": "first"}]
    post(api, ("a.txt", b"a"), ("b.txt", b"b"), attachments=listed)
    [message] = discord.messages(CHANNEL)
    assert [(file.filename, file.content) for file in message.attachments] == [("a.txt", b"a"), ("proof.png", b"b")]


def test_an_attachment_without_its_file_is_an_invalid_form(discord, api):
    for response in (
        post(api, ("a.txt", b"a"), attachments=[{"id": 1}]),
        api.post(MESSAGES, json={"content": "x", "attachments": [{"id": 0}]}),
    ):
        assert error_of(response) == (400, 50035)
        assert "id" in response.json()["errors"]["attachments"]["0"]
    assert discord.messages(CHANNEL) == []


def test_an_embed_shows_a_file_that_came_along_and_no_other(discord, api):
    picture = {"url": "attachment://proof.png"}
    assert post(api, ("proof.png", b"p"), embeds=[{"image": picture}]).status_code == 200
    renamed = [{"id": 0, "filename": "proof.png"}]
    assert post(api, ("a.png", b"p"), embeds=[{"image": picture}], attachments=renamed).status_code == 200
    assert [message.embeds[0]["image"] for message in discord.messages(CHANNEL)] == [picture] * 2
    refused = post(api, ("other.png", b"p"), embeds=[{"image": picture}])
    assert error_of(refused) == (400, 50035)
    assert "image" in refused.json()["errors"]["embeds"]["0"]


def test_files_are_together_at_most_ten_mebibytes(discord, api):
    half = b"x" * (MAX_FILES_SIZE // 2)
    assert error_of(post(api, ("a", half), ("b", half + b"x"))) == (413, 40005)
    assert discord.messages(CHANNEL) == []
    assert post(api, ("a", half), ("b", half)).status_code == 200


def test_files_are_at_most_ten(discord, api):
    files = [(f"{number}.txt", b"x") for number in range(11)]
    assert error_of(post(api, *files)) == (400, 30015)
    assert post(api, *files[:10]).status_code == 200


def test_a_channel_where_the_bot_may_not_attach_takes_text_only(discord, api):
    discord.set_permissions(CHANNEL, Permission.POSTING & ~Permission.ATTACH_FILES)
    assert error_of(post(api, ("a.txt", b"a"), content="x")) == (403, 50013)
    assert api.post(MESSAGES, json={"content": "x"}).status_code == 200


def test_a_direct_message_takes_files(discord, api):
    discord.add_member(GUILD, 51)
    channel_id = api.post("/users/@me/channels", json={"recipient_id": "51"}).json()["id"]
    assert post(api, ("a.txt", b"a"), path=f"/channels/{channel_id}/messages").status_code == 200
    assert len(discord.notifications(51)) == 1


def test_files_are_repeated_by_nonce_no_more_than_text(discord, api):
    for _ in range(2):
        post(api, ("a.txt", b"a"), nonce="n", enforce_nonce=True)
    assert len(discord.messages(CHANNEL)) == 1


def test_the_bot_reads_its_own_files_back_without_the_intent(discord, api):
    posted = post(api, ("a.txt", b"the-bytes")).json()
    assert [message["attachments"] for message in api.get(MESSAGES).json()] == [posted["attachments"]]
    assert "the-bytes" not in repr((discord.messages(CHANNEL), discord.requests))


def test_a_form_that_is_none_is_refused(discord, api):
    for kind, form in (
        ("multipart/form-data", b"--a--"),
        ("multipart/form-data; boundary=a", b""),
        ("multipart/form-data; boundary=a", b"--a\r\n\r\nx"),
    ):
        assert error_of(api.post(MESSAGES, content=form, headers={"Content-Type": kind})) == (400, 50035)
    assert error_of(api.post(MESSAGES, data={"payload_json": "{"}, files={"files[0]": b"x"})) == (400, 50109)


def test_forms_that_the_stand_in_is_not_built_for_are_refused_and_noted(discord, api):
    assert error_of(api.post(MESSAGES, data={"content": "x"}, files={"files[0]": b"x"})) == (400, 0)
    assert error_of(post(api, ("a.txt", b"a"), path=discord.webhook_url(WEBHOOK))) == (400, 50035)
    assert len(discord.unexpected) == 2


@pytest.mark.skipif(discord_openapi() is None, reason=ABSENT)
def test_a_message_with_files_is_as_the_openapi_description_says(discord, api):
    answer = post(api, ("a.png", b"p"), content="x", attachments=[{"id": "0", "filename": "b.png"}])
    template = "/channels/{channel_id}/messages"
    assert discord_openapi().response_violations("POST", template, answer.status_code, answer.json()) == []
    assert discord.violations == []
