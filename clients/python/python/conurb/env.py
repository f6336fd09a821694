"""Signal control as environments: PettingZoo for all signals, Gymnasium for one.

The protocol is that of the published comparisons: a decision every ``interval_s`` seconds; a changed
phase is preceded by phase 0 (clearance) for ``yellow_s`` seconds of the interval.
"""

from __future__ import annotations

import functools
from typing import Any, Sequence

import gymnasium
import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

from ._conurb import Engine

__all__ = ["SignalEnv", "SingleSignalEnv"]


class SignalEnv(ParallelEnv):
    """Every signalised junction an agent.

    Observation: waiting vehicles (speed below 0.1 m/s) of each entering lane, then all vehicles of
    each, then the present phase one-hot. Action: index into ``phases`` (without it: every phase of the
    junction but 0, so agents may differ in size). Reward: minus the waiting
    vehicles of the entering lanes at the end of the interval.
    """

    metadata = {"name": "conurb_signals_v0", "render_modes": []}
    render_mode = None

    def __init__(
        self,
        config_file: str,
        *,
        interval_s: int = 15,
        yellow_s: int = 5,
        duration_s: int = 3600,
        phases: Sequence[int] | None = None,
    ) -> None:
        if not 0 <= yellow_s < interval_s:
            raise ValueError(f"yellow_s {yellow_s} leaves no green in {interval_s} s")
        self._engine = Engine(config_file)
        self._interval_s = interval_s
        self._yellow_s = yellow_s
        self._duration_s = duration_s
        self.possible_agents = self._engine.get_intersections()
        self._lanes = {a: self._engine.get_incoming_lanes(a) for a in self.possible_agents}
        self._phases: dict[str, tuple[int, ...]] = {}
        for agent in self.possible_agents:
            count = self._engine.get_phase_count(agent)
            chosen = tuple(phases) if phases is not None else tuple(range(1, count))
            if not chosen or not 0 <= min(chosen) <= max(chosen) < count:
                raise ValueError(f"{agent} has the phases 0 to {count - 1}, not {chosen}")
            self._phases[agent] = chosen
        self.agents: list[str] = []
        self._current: dict[str, int] = {}

    @property
    def engine(self) -> Engine:
        """The twin itself."""
        return self._engine

    @functools.lru_cache(maxsize=None)
    def observation_space(self, agent: str) -> spaces.Box:
        size = 2 * len(self._lanes[agent]) + len(self._phases[agent])
        return spaces.Box(low=0.0, high=1.0e4, shape=(size,), dtype=np.float32)

    @functools.lru_cache(maxsize=None)
    def action_space(self, agent: str) -> spaces.Discrete:
        return spaces.Discrete(len(self._phases[agent]))

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None):
        if seed is not None:
            self._engine.set_random_seed(seed)
        self._engine.reset(seed is not None)
        self.agents = list(self.possible_agents)
        self._current = {a: self._phases[a][0] for a in self.agents}
        for agent, phase in self._current.items():
            self._engine.set_tl_phase(agent, phase)
        return self._observations(), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, int]):
        chosen = {a: self._phases[a][int(actions[a])] for a in self.agents}
        for second in range(self._interval_s):
            for agent, phase in chosen.items():
                clearing = second < self._yellow_s and phase != self._current[agent]
                self._engine.set_tl_phase(agent, 0 if clearing else phase)
            self._engine.next_step()
        self._current = chosen
        waiting = self._engine.get_lane_waiting_vehicle_count()
        rewards = {a: -float(sum(waiting[lane] for lane in self._lanes[a])) for a in self.agents}
        over = self._engine.get_current_time() >= self._duration_s
        observations = self._observations()
        terminations = dict.fromkeys(self.agents, False)
        truncations = dict.fromkeys(self.agents, over)
        infos: dict[str, dict] = {a: {} for a in self.agents}
        if over:
            self.agents = []
        return observations, rewards, terminations, truncations, infos

    def close(self) -> None:
        """Nothing is held open."""

    def _observations(self) -> dict[str, np.ndarray]:
        waiting = self._engine.get_lane_waiting_vehicle_count()
        count = self._engine.get_lane_vehicle_count()
        seen = {}
        for agent in self.agents:
            lanes = self._lanes[agent]
            phase = [float(p == self._current[agent]) for p in self._phases[agent]]
            values = [waiting[lane] for lane in lanes] + [count[lane] for lane in lanes] + phase
            seen[agent] = np.asarray(values, dtype=np.float32)
        return seen


class SingleSignalEnv(gymnasium.Env):
    """One signal an agent; every other one keeps to ``others``, a phase every interval in turn."""

    metadata = {"render_modes": []}

    def __init__(self, config_file: str, agent: str | None = None, **protocol: Any) -> None:
        self._all = SignalEnv(config_file, **protocol)
        self.agent = agent or self._all.possible_agents[0]
        if self.agent not in self._all.possible_agents:
            raise ValueError(f"there is no signal {self.agent!r}")
        self.observation_space = self._all.observation_space(self.agent)
        self.action_space = self._all.action_space(self.agent)
        self._turn = 0

    @property
    def engine(self) -> Engine:
        """The twin itself."""
        return self._all.engine

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self._turn = 0
        observations, infos = self._all.reset(seed=seed)
        return observations[self.agent], infos[self.agent]

    def step(self, action: int):
        # Two intervals a phase: the literature's fixed time.
        turn = self._turn // 2
        actions = {a: turn % int(self._all.action_space(a).n) for a in self._all.agents}
        actions[self.agent] = int(action)
        self._turn += 1
        observations, rewards, terminations, truncations, infos = self._all.step(actions)
        a = self.agent
        return observations[a], rewards[a], terminations[a], truncations[a], infos[a]
