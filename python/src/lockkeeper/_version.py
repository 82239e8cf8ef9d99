__version__ = "0.1.0"  # the project's: VERSION in CMakeLists.txt
