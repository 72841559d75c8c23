"""The routes. Run it with: uvicorn shop.app:app"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated

from fastapi import FastAPI, File, Form, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import joinedload

import blipdb
from blipdb.errors import BlipdbError, UsageError

from . import database
from .database import Session
from .models import Product
from .search import PAGES, find


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.engine = create_async_engine(database.url())
    yield
    await app.state.engine.dispose()


app = FastAPI(title="Shop", lifespan=lifespan)

Price = Annotated[Decimal, Form(ge=0, max_digits=10, decimal_places=2)]
Page = Annotated[int, Query(ge=1, le=PAGES)]
Size = Annotated[int, Query(ge=1, le=100)]


class Shown(BaseModel):
    """A product, as customers see it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    price: Decimal


class Hit(BaseModel):
    product: Shown
    score: float


@app.exception_handler(BlipdbError)
async def _explain(request: Request, error: BlipdbError) -> JSONResponse:
    """A search that can't be made as asked is the customer's to change; all else is ours."""
    status = 422 if isinstance(error, UsageError) else 503
    return JSONResponse({"detail": error.message}, status)


@app.post("/products", status_code=201)
async def add(
    session: Session,
    name: Annotated[str, Form(min_length=1)],
    price: Price,
    image: Annotated[bytes, File()],
) -> Shown:
    """A new product. Its image is encoded soon, and then it is found."""
    product = Product(name=name, price=price)
    product.image_id = await blipdb.aconnect(session).add(image)
    session.add(product)
    await session.flush()
    return Shown.model_validate(product)


@app.get("/products/{id}")
async def show(session: Session, id: int) -> Shown:
    return Shown.model_validate(await _product(session, id))


@app.get("/products/{id}/image")
async def show_image(session: Session, id: int) -> Response:
    """Its image, as it was uploaded."""
    image = (await _product(session, id)).image
    if image is None or image.content is None:
        raise HTTPException(404, f"product {id} has no image")
    return Response(image.content, media_type=image.mime)


@app.get("/search")
async def search(
    session: Session,
    q: str,
    max_price: Annotated[Decimal | None, Query(ge=0)] = None,
    page: Page = 1,
    size: Size = 20,
) -> list[Hit]:
    """The best products for these words, best first."""
    return await _hits(session, q, max_price, page, size)


@app.post("/search")
async def search_by_image(
    session: Session,
    image: Annotated[bytes, File()],
    max_price: Annotated[Decimal | None, Query(ge=0)] = None,
    page: Page = 1,
    size: Size = 20,
) -> list[Hit]:
    """The products that look most like this image."""
    return await _hits(session, image, max_price, page, size)


async def _product(session: Session, id: int) -> Product:
    product = await session.get(Product, id, options=[joinedload(Product.image)])
    if product is None:
        raise HTTPException(404, f"there is no product {id}")
    return product


async def _hits(
    session: Session, query: str | bytes, max_price: Decimal | None, page: int, size: int
) -> list[Hit]:
    rows = await session.execute(find(query, max_price=max_price, page=page, size=size))
    return [Hit(product=Shown.model_validate(product), score=score) for product, score in rows]
