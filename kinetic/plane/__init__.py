"""The kinetic solver in two space dimensions: f(x, y, v_x, v_y), v_z integrated out, for relaxation models, D = 2 and 3.

Must not know: closures, networks, experiments, torch.
"""
