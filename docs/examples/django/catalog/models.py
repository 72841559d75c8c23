"""The app's own table. Images are blipdb's."""

from django.db import models


class Shop(models.Model):
    town = models.TextField()


class Product(models.Model):
    name = models.TextField()
    price = models.DecimalField(max_digits=10, decimal_places=2)
    shop = models.ForeignKey(Shop, models.CASCADE)
    # The migration makes it a foreign key: Django has no model for a table of another's.
    image_id = models.UUIDField(null=True, db_index=True)

    class Meta:
        ordering = ("name",)
