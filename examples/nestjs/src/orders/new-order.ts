// The body of POST /orders, checked.
import { BadRequestException } from "@nestjs/common";

export interface NewOrder {
  userId: number;
  totalAmount: number;
  discountAmount: number;
}

/** A whole number from `min` to `max`, or 400 with the field's name. */
function wholeNumber(body: Record<string, unknown>, field: string, min: number, max: number): number {
  const value = body[field];
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max)
    throw new BadRequestException(`${field} must be a whole number from ${min} to ${max}`);
  return value;
}

export function newOrderOf(body: unknown): NewOrder {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new BadRequestException("the body must be a JSON object");
  const fields = { discountAmount: 0, ...body } as Record<string, unknown>;
  const totalAmount = wholeNumber(fields, "totalAmount", 0, Number.MAX_SAFE_INTEGER);
  return {
    userId: wholeNumber(fields, "userId", 1, Number.MAX_SAFE_INTEGER),
    totalAmount,
    discountAmount: wholeNumber(fields, "discountAmount", 0, totalAmount),
  };
}
