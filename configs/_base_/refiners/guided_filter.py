refiner = dict(type='GuidedFilter', radius=8, epsilon=1e-3)
