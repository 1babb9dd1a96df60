# TokenCut's settings, for images of some 500 pixels.
refiner = dict(type='BilateralSolver', sigma_spatial=16, sigma_luma=16, sigma_chroma=8, lam=256)
