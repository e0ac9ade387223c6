/**
 * The demonstration machine: a boot program in assembly language, and the disk image that is made
 * of it.
 */
@NullMarked
package io.satchel.app.demo;

import org.jspecify.annotations.NullMarked;
