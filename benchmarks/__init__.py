"""Benchmarks: narrows beside what a person would pick instead."""
