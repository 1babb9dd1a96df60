"""All mathematics of the package: tensors and arrays in, tensors and arrays out.

Modules here need torch, numpy, scipy, OpenCV, PyMaxflow, faiss and scikit-learn only, never MMSegmentation
or diffusers. Import the module that is needed (``from mmseg_gen.functional import attention_cut``): this
package loads none by itself.
"""
