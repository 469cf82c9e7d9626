"""Whole servers, spoken to as their people and their peers speak to them."""
