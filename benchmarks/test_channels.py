"""Time of steady channels and shocks of the relaxation models."""

import pytest

from knudsen.kinetic import cases, gas, slip_coefficients, solve_channel, solve_shock

MODELS = ("bgk_3v", "shakhov_3v", "es_bgk_3v")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("delta", [1.0, 70.7])
def test_linear_channel(benchmark, name, delta):
    the_gas = gas(name)
    flow = benchmark.pedantic(solve_channel, (cases.poiseuille(the_gas, delta=delta), the_gas), rounds=5, warmup_rounds=1)
    benchmark.extra_info.update({"G_P": flow.flow_rate, "nodes": flow.x.size})


@pytest.mark.parametrize("name", MODELS)
def test_nonlinear_channel(benchmark, name):
    the_gas = gas(name, omega=0.81)
    case = cases.couette(the_gas, delta=3.0, drive=0.8)
    flow = benchmark.pedantic(solve_channel, (case, the_gas), {"linear": False}, rounds=3, warmup_rounds=1)
    benchmark.extra_info["Newton steps"] = flow.iterations


def test_plain_iteration(benchmark):
    the_gas = gas("bgk_3v")
    case = cases.poiseuille(the_gas, delta=3.0)
    flow = benchmark.pedantic(solve_channel, (case, the_gas), {"acceleration": False}, rounds=3, warmup_rounds=1)
    benchmark.extra_info["sweeps"] = flow.iterations


def test_slip_coefficients(benchmark):
    benchmark.pedantic(slip_coefficients, (gas("shakhov_3v"),), rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("name", MODELS)
def test_shock(benchmark, name):
    shock = benchmark.pedantic(solve_shock, (gas(name, omega=0.81), 5.5), rounds=3, warmup_rounds=1)
    benchmark.extra_info.update({"lambda1/delta": shock.lambda1_over_delta, "Newton steps": shock.iterations})
