"""A load that several processes make together, on this machine or on many, through Dask."""
