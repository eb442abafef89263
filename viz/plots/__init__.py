"""Plots of training runs, networks and functions in the style of the pictures, by Matplotlib."""

from .curves import plot_curves, plot_history, plot_loss
from .figure import new_axes, plot_svg, save_plot
from .flow import (
    gradients_by_layer,
    plot_activations,
    plot_gradient_flow,
    plot_trajectories,
    plot_weights,
)
from .regions import plot_class_regions, plot_descent, plot_regions
from .tables import (
    plot_agreement,
    plot_bars,
    plot_confusion,
    plot_differences,
    plot_grid,
    plot_table,
)

__all__ = [
    "gradients_by_layer",
    "new_axes",
    "plot_activations",
    "plot_agreement",
    "plot_bars",
    "plot_class_regions",
    "plot_confusion",
    "plot_curves",
    "plot_descent",
    "plot_differences",
    "plot_gradient_flow",
    "plot_grid",
    "plot_history",
    "plot_loss",
    "plot_regions",
    "plot_svg",
    "plot_table",
    "plot_trajectories",
    "plot_weights",
    "save_plot",
]
