"""Random initial data follow the distributions of docs/random_data.md: bounds, jumps, probabilities; with fixed seeds."""

import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from knudsen.kinetic import cases, gas, rankine_hugoniot
from knudsen.kinetic.moments import maxwellian_moments

SEEDS = range(400)
RANGES = {"rho": (0.4, 1.4), "u": (-0.6, 0.6), "T": (0.4, 1.4)}
ALPHA = 1e-3  # a correct sampler passes 999 of 1000 choices of the seeds
PER_HUNDREDTH = 6  # fine cells


def log_uniform(low, high):
    return lambda value: (np.log(value) - np.log(low)) / (np.log(high) - np.log(low))


def uniform(low, high):
    return lambda value: (np.asarray(value) - low) / (high - low)


@pytest.fixture(scope="module")
def drawn():
    return {kind: [getattr(cases, kind)(seed) for seed in SEEDS] for kind in ("wave", "mix", "transition", "equilibrium")}


@pytest.fixture(scope="module")
def strong():
    return [cases.strong(seed, fine=6000) for seed in SEEDS]


@pytest.mark.parametrize("kind", ["wave", "mix", "equilibrium", "strong"])
def test_knudsen_numbers_are_log_uniform(drawn, strong, kind):
    knudsen = [case.knudsen for case in (strong if kind == "strong" else drawn[kind])]
    assert kstest(log_uniform(1e-3, 10)(knudsen), "uniform").pvalue > ALPHA


def test_waves_are_up_to_three_sines_of_wave_numbers_one_to_four(drawn):
    numbers = []
    for case in drawn["wave"]:
        for component in range(2):
            modes = []
            for key in RANGES:
                spectrum = abs(np.fft.rfft(getattr(case, key)[component])) / 600
                assert spectrum[5:].max() < 1e-14
                modes.append(int((spectrum[1:5] > 1e-6).sum()))
            assert 1 <= max(modes) <= 3
            numbers.append(modes)
    assert {max(modes) for modes in numbers} == {1, 2, 3}
    single = np.mean([max(modes) == 1 for modes in numbers])  # n = 1, or all three fields drew equal wave numbers
    expected = (1 + (1 / 4) ** 3 + (1 / 16) ** 3) / 3
    assert abs(single - expected) < 3.3 * np.sqrt(expected * (1 - expected) / len(numbers))


def test_fields_keep_their_ranges_and_their_least_amplitude(drawn):
    """Half-range s = U(0.3, 1) (hi - lo)/2; the sines have mean zero, so max - min lies between s and 2 s."""
    for case in drawn["wave"]:
        for key in ("u", "T"):
            low, high = RANGES[key]
            value = getattr(case, key)
            spread = np.ptp(value, axis=1)
            assert value.min() >= low and value.max() <= high
            assert (spread >= 0.15 * (high - low)).all() and (spread <= high - low).all()


@pytest.mark.parametrize("kind", ["wave", "mix", "transition"])
def test_densities_are_weighted_with_a_and_one_minus_a(drawn, kind):
    """rho_1/a and rho_2/(1 - a) lie in 0.4..1.4 for some a in (0, 1)."""
    for case in drawn[kind]:
        low = max(case.rho[0].max() / 1.4, 1 - case.rho[1].min() / 0.4)
        high = min(case.rho[0].min() / 0.4, 1 - case.rho[1].max() / 1.4)
        assert 0 < low <= high < 1


def edges_of(case, component):
    """Fine cells on whose left side a field of the component jumps, None unless it is constant in between; 0 and 600 left out."""
    fields = np.stack([getattr(case, key)[component] for key in RANGES])
    changes = np.flatnonzero((np.diff(fields, axis=1) != 0).any(axis=0)) + 1
    return changes if changes.size <= 4 else None


def model_of_the_protocol(n, draw):
    """Numbers of jumps of n states of ``mix`` (-1: sines are seen), written from the protocol, apart from the code under test."""
    counts = np.empty(n, int)
    for i in range(n):
        label = np.full(100, 0 if draw.random() < 0.4 else -1)
        for interval in range(1 + (draw.random() >= 0.6)):
            width = draw.integers(10, 100, endpoint=True)
            start = draw.integers(0, 100 - width, endpoint=True)
            label[start : start + width] = interval + 1
        counts[i] = -1 if (label == -1).any() else (np.diff(label) != 0).sum()
    return counts


def test_mix_is_constant_with_probability_four_tenths_and_has_one_interval_with_six():
    """How many states show sines, or 0 to 4 jumps between constants, against the protocol: both probabilities and the widths."""
    seen = [edges_of(case, component) for case in map(cases.mix, range(2000)) for component in range(2)]
    counts = np.array([-1 if edges is None else edges.size for edges in seen])
    model = model_of_the_protocol(40_000, np.random.default_rng(1))
    expected = np.array([(model == k).mean() for k in range(-1, 5)]) * counts.size
    observed = np.array([(counts == k).sum() for k in range(-1, 5)])
    few = expected < 5  # chi-square needs a handful in each class
    expected, observed = (np.append(a[~few], a[few].sum()) if few.any() else a for a in (expected, observed))
    assert chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > ALPHA


def test_mix_jumps_on_multiples_of_a_hundredth(drawn):
    for case in drawn["mix"]:
        for component in range(2):
            fields = np.stack([getattr(case, key)[component] for key in RANGES])
            constant = (np.diff(fields, axis=1) == 0).all(axis=0)  # [face] all three fields go on
            starts = np.flatnonzero(np.diff(np.concatenate([[False], constant, [False]]).astype(int)) == 1)
            ends = np.flatnonzero(np.diff(np.concatenate([[False], constant, [False]]).astype(int)) == -1) + 1
            assert starts.size > 0  # there is always an interval
            for start, end in zip(starts, ends):
                assert start % PER_HUNDREDTH == 0 and end % PER_HUNDREDTH == 0
            edges = edges_of(case, component)
            if edges is not None and edges.size == 2:
                assert np.ptp(edges) >= 10 * PER_HUNDREDTH


def test_transition_is_half_wave_half_mix_under_its_knudsen_field(drawn):
    smooth = 0
    for case in drawn["transition"]:
        x = (np.arange(600) + 0.5) / 600 - 0.5
        np.testing.assert_allclose(case.fine_knudsen, 1e-3 + 5 * (np.tanh(1 + 11 * x) + np.tanh(1 - 11 * x)), rtol=1e-13)
        smooth += abs(np.fft.rfft(case.T, axis=1))[:, 5:].max() < 1e-10
    n = len(drawn["transition"])
    assert abs(smooth / n - 0.5) < 3.3 * 0.5 / np.sqrt(n)


def test_equilibrium_is_one_maxwellian_around_rest(drawn):
    """(1, 0, 1) + A (field minus mid-range): each field is centred on its rest value and at most A half-ranges away."""
    largest = []
    for case in drawn["equilibrium"]:
        assert case.rho.shape[0] == 1
        away = []
        for key, rest in (("rho", 1), ("u", 0), ("T", 1)):
            value, (low, high) = getattr(case, key), RANGES[key]
            assert value.max() + value.min() == pytest.approx(2 * rest, abs=1e-12)
            away.append((value.max() - rest) / (0.5 * (high - low)))
        largest.append(max(away))
    assert max(largest) <= 1 and min(largest) < 0.04  # A from 0.02 to 1
    assert np.quantile(largest, 0.2) < 0.1 and np.quantile(largest, 0.8) > 0.25


def test_strong_slab_follows_its_ranges(strong):
    width = [0.5 * (case.rho[0] == 1).mean() for case in strong]
    T_inside = [case.T[0, 3000] for case in strong]
    ratio = [1 / case.rho[0, 0] for case in strong]
    speed = [case.u[0, -1] for case in strong]
    assert all(case.T[0, 0] == 1 and case.u[0, 3000] == 0 and case.u[0, 0] == -case.u[0, -1] for case in strong)
    for value, spread in (
        (width, uniform(0.2, 0.3)), (T_inside, log_uniform(0.3, 3)), (ratio, log_uniform(3, 12)), (speed, uniform(-1.5, 1)),
    ):  # fmt: skip
        assert kstest(spread(value), "uniform").pvalue > ALPHA


@pytest.mark.parametrize("kind", ["wave", "mix", "transition"])
@pytest.mark.parametrize("name", ["bgk_1v", "bgk_2v", "bgk_3v"])
def test_starts_are_out_of_equilibrium_in_every_dimension(drawn, kind, name):
    """Two isotropic Maxwellians: sigma_xx = (D - 1)/D rho_1 rho_2/rho (u_1 - u_2)^2, and a heat flux from their drift."""
    from knudsen.kinetic import macroscopic

    the_gas, D = gas(name), gas(name).dims
    for case in drawn[kind][:40]:
        fine = case.at(600)
        rho, u, T, sigma, q = macroscopic(*fine.raw_moments(the_gas, 3), the_gas)
        (r1, r2), (u1, u2), (T1, T2) = case.rho, case.u, case.T
        np.testing.assert_allclose(rho, r1 + r2, rtol=1e-12)
        np.testing.assert_allclose(sigma, (D - 1) / D * r1 * r2 / rho * (u1 - u2) ** 2, rtol=0, atol=1e-12)
        w1, w2 = u1 - u, u2 - u
        exact = sum(0.5 * r * w * (w**2 + (D + 2) * Ti) for r, w, Ti in ((r1, w1, T1), (r2, w2, T2)))
        np.testing.assert_allclose(q, exact, rtol=0, atol=1e-12)
        assert abs(q).max() > 1e-4
        if D > 1:
            assert sigma.max() > 1e-4


@pytest.mark.parametrize("name", ["bgk_1v", "bgk_2v", "bgk_3v"])
@pytest.mark.parametrize("mach", [1.2, 5.5, 9.0])
def test_shock_data_conserve_mass_momentum_and_energy(name, mach):
    """The two states of ``shock`` carry the same fluxes: G_1, G_2, and (G_3 + H_1)/2."""
    the_gas = gas(name)
    left, right = ([np.array([[value]]) for value in state] for state in rankine_hugoniot(mach, the_gas))
    (G, H), (G2, H2) = (maxwellian_moments(*state, the_gas, 3) for state in (left, right))
    energy, energy2 = (a[3] + (0 if b is None else b[1]) for a, b in ((G, H), (G2, H2)))
    np.testing.assert_allclose([G2[1], G2[2], energy2], [G[1], G[2], energy], rtol=1e-12)
