# The authors' dilations and iterations.
refiner = dict(type='PAMR', iterations=10, dilations=(1, 2, 4, 8, 12, 24))
