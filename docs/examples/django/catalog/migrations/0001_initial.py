"""Products and shops, and what makes image_id a foreign key."""

from django.db import migrations, models

LINK = """
ALTER TABLE catalog_product ADD CONSTRAINT catalog_product_image_id_fkey
    FOREIGN KEY (image_id) REFERENCES blip.images ON DELETE SET NULL
"""
UNLINK = "ALTER TABLE catalog_product DROP CONSTRAINT catalog_product_image_id_fkey"


class Migration(migrations.Migration):
    operations = (
        migrations.CreateModel(
            "Shop",
            [
                (
                    "id",
                    models.BigAutoField("ID", auto_created=True, primary_key=True, serialize=False),
                ),
                ("town", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            "Product",
            [
                (
                    "id",
                    models.BigAutoField("ID", auto_created=True, primary_key=True, serialize=False),
                ),
                ("name", models.TextField()),
                ("price", models.DecimalField(max_digits=10, decimal_places=2)),
                ("shop", models.ForeignKey("catalog.Shop", models.CASCADE)),
                ("image_id", models.UUIDField(null=True, db_index=True)),
            ],
            {"ordering": ("name",)},
        ),
        migrations.RunSQL(LINK, UNLINK),
    )
