"""How the claims of the paper fare on a grid of strategies, training sizes and seeds.

Stutz, Hein and Schiele, "Disentangling Adversarial Robustness and Generalization", CVPR 2019 (arXiv 1812.00740),
section 3: regular adversarial examples leave the manifold; on-manifold adversarial examples exist; on-manifold
robustness is essentially generalization; regular robustness and generalization are not contradicting goals; and regular
adversarial training needs more examples. Rules were fixed before any grid was run (`docs/decisions/029`).
"""
