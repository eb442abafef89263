"""SciPy's optimizers take our derivatives as they come, and agree with its own functions."""

import numpy
import pytest

import scalargrad as sg
from scalargrad import grad, hessian, hvp, jacobian, value_and_grad

optimize = pytest.importorskip("scipy.optimize")

START = numpy.array([1.3, 0.7, 0.8, 1.9])
T = numpy.linspace(0.0, 1.0, 20)
MEASURED = 3.0 * numpy.exp(-2.0 * T)


def rosen(x):
    return numpy.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def bowl(x, center, scale=1.0):
    return scale * numpy.sum((x - center) ** 2)


def residuals(p):
    return p[0] * numpy.exp(p[1] * T) - MEASURED


def system(x):
    return [x[0] ** 2 + x[1] - 3.0, sg.sin(x[0]) - x[1]]


def test_first_and_second_derivatives_agree_with_scipys_own():
    numpy.testing.assert_allclose(grad(rosen)(START), optimize.rosen_der(START), rtol=1e-13)
    numpy.testing.assert_allclose(hessian(rosen)(START), optimize.rosen_hess(START), rtol=1e-13)
    v = numpy.array([1.0, -2.0, 0.5, 3.0])
    product = hvp(rosen, (START,), (v,))
    numpy.testing.assert_allclose(product, optimize.rosen_hess_prod(START, v), rtol=1e-13)
    assert product.dtype == numpy.float64


def test_scipys_function_itself_can_be_differentiated():
    numpy.testing.assert_allclose(
        grad(optimize.rosen)(START), optimize.rosen_der(START), rtol=1e-13
    )


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "CG", "TNC", "SLSQP"])
def test_minimize_with_a_gradient(method):
    found = optimize.minimize(rosen, START, jac=grad(rosen), method=method)
    numpy.testing.assert_allclose(found.x, 1.0, atol=1e-2)


def test_minimize_with_value_and_gradient_at_once():
    found = optimize.minimize(value_and_grad(rosen), START, jac=True)
    numpy.testing.assert_allclose(found.x, 1.0, atol=1e-5)


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-exact", "trust-krylov"])
def test_minimize_with_a_hessian(method):
    found = optimize.minimize(rosen, START, jac=grad(rosen), hess=hessian(rosen), method=method)
    numpy.testing.assert_allclose(found.x, 1.0, atol=1e-4)


def test_minimize_with_a_hessian_product():
    found = optimize.minimize(
        rosen,
        START,
        jac=grad(rosen),
        hessp=lambda x, p: hvp(rosen, (x,), (p,)),
        method="trust-ncg",
    )
    numpy.testing.assert_allclose(found.x, 1.0, atol=1e-4)


def test_further_arguments_are_passed_on():
    found = optimize.minimize(bowl, START, args=(2.0,), jac=grad(bowl))
    numpy.testing.assert_allclose(found.x, 2.0, atol=1e-6)


def test_least_squares_with_a_jacobian():
    found = optimize.least_squares(residuals, [1.0, -1.0], jac=jacobian(residuals))
    numpy.testing.assert_allclose(found.x, [3.0, -2.0], rtol=1e-8)


def test_curve_fit_with_a_jacobian():
    def model(t, a, b):
        return a * numpy.exp(b * t)

    def by_parameters(t, a, b):
        return jacobian(lambda p: model(t, p[0], p[1]))(numpy.array([a, b]))

    found, _ = optimize.curve_fit(model, T, MEASURED, p0=[1.0, -1.0], jac=by_parameters)
    numpy.testing.assert_allclose(found, [3.0, -2.0], rtol=1e-8)


@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_root_with_a_jacobian(method):
    found = optimize.root(system, [1.0, 1.0], jac=jacobian(system), method=method)
    assert found.success
    numpy.testing.assert_allclose(system(found.x), 0.0, atol=1e-10)


def test_a_root_of_one_number_with_two_derivatives():
    def cubic(x):
        return x**3 - 2.0 * x - 5.0

    found = optimize.newton(cubic, 2.0, fprime=grad(cubic), fprime2=grad(grad(cubic)))
    assert cubic(found) == pytest.approx(0.0, abs=1e-12)


def test_a_constraint_with_a_jacobian():
    def on_the_circle(x):
        return x[0] ** 2 + x[1] ** 2 - 1.0

    constraint = {"type": "eq", "fun": on_the_circle, "jac": grad(on_the_circle)}
    start = numpy.array([1.0, 0.5])
    found = optimize.minimize(
        lambda x: x[0] + x[1],
        start,
        jac=grad(lambda x: x[0] + x[1]),
        constraints=[constraint],
        method="SLSQP",
    )
    numpy.testing.assert_allclose(found.x, -numpy.sqrt(0.5), atol=1e-6)


def test_check_grad_finds_nothing():
    assert optimize.check_grad(rosen, grad(rosen), START) < 1e-4
