"""The environments against their own projects' checkers."""

from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test

from conurb.env import SignalEnv, SingleSignalEnv


def test_all_signals_keep_the_parallel_api(config):
    parallel_api_test(SignalEnv(config, duration_s=300), num_cycles=50)


def test_one_signal_keeps_the_gymnasium_api(config):
    check_env(SingleSignalEnv(config, duration_s=300), skip_render_check=True)


def test_changing_the_phases_beats_never_changing_them(config):
    def total(choose):
        env = SignalEnv(config, duration_s=600)
        env.reset(seed=1)
        reward, interval = 0.0, 0
        while env.agents:
            actions = {a: choose(interval) % env.action_space(a).n for a in env.agents}
            _, rewards, *_ = env.step(actions)
            reward += sum(rewards.values())
            interval += 1
        return reward

    assert total(lambda interval: interval // 2) > total(lambda _: 0)
