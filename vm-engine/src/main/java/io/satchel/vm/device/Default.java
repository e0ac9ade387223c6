package io.satchel.vm.device;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * What a component of a state record is when a snapshot, written before the component existed, does
 * not have it: a number (decimal or {@code 0x}), {@code true} or {@code false}, an enum constant's
 * name, a string; for an array or list the empty text, which means an empty one; {@code null} for
 * {@code null}.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Default {
  String value();
}
