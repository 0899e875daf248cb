from __future__ import annotations

from synth_engine.render.played import DEFAULT_REGISTER, LATELY_S, PlayedKeys


def test_a_key_is_held_until_its_last_channel_lets_go() -> None:
    played = PlayedKeys()
    played.note_on(60, 0, 0.0)
    played.note_on(60, 1, 0.0)
    played.note_off(60, 0)
    assert played.held() == [60]
    played.note_off(60, 1)
    played.note_off(60, 1)
    assert played.held() == []


def test_a_key_struck_again_is_the_newest() -> None:
    played = PlayedKeys()
    for key in (60, 62, 60):
        played.note_on(key, 0, 0.0)
    assert played.held() == [60, 62]


def test_a_channel_is_released_alone_or_with_all_others() -> None:
    played = PlayedKeys()
    played.note_on(60, 0, 0.0)
    played.note_on(62, 1, 0.0)
    played.release(0)
    assert played.held() == [62]
    played.release(-1)
    assert played.held() == []


def test_what_was_played_long_ago_does_not_matter_unless_it_sounds() -> None:
    played = PlayedKeys()
    played.note_on(60, 0, 0.0)
    played.note_off(60, 0)
    assert played.lately(LATELY_S / 2) == [60]
    assert played.lately(2 * LATELY_S) == []
    assert played.heard() == []
    played.sounding = frozenset((60,))
    assert played.heard() == [60]


def test_the_register_follows_the_player() -> None:
    played = PlayedKeys()
    assert played.register == DEFAULT_REGISTER
    for _ in range(50):
        played.note_on(36, 0, 0.0)
    assert abs(played.register - 36) < 1
