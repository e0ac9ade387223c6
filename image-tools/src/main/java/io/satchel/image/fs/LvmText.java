package io.satchel.image.fs;

import io.satchel.image.block.ImageException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * The text in which LVM2 keeps a group (lvm.conf(5), "SYNTAX"): sections in braces, values that are
 * numbers, texts or lists of these.
 */
final class LvmText {
  private static final int MAX_DEPTH = 8;

  private final String text;
  private final Function<String, ImageException> broken;
  private int at;

  private LvmText(String text, Function<String, ImageException> broken) {
    this.text = text;
    this.broken = broken;
  }

  /** Reads all of it; a section is a map, a number a Long, a list a List. */
  static Map<String, Object> parse(String text, Function<String, ImageException> broken)
      throws ImageException {
    return new LvmText(text, broken).section(0, true);
  }

  /** A section that is one, and an empty one for anything else. */
  static Map<String, Object> section(Object value) {
    Map<String, Object> all = new LinkedHashMap<>();
    if (value instanceof Map<?, ?> map) {
      map.forEach((key, each) -> all.put(String.valueOf(key), each));
    }
    return all;
  }

  private ImageException error() {
    return broken.apply("has metadata that cannot be read");
  }

  private void skip() {
    while (at < text.length()) {
      char c = text.charAt(at);
      if (c == '#') {
        int end = text.indexOf('\n', at);
        at = end < 0 ? text.length() : end;
      } else if (c <= ' ') {
        at++;
      } else {
        return;
      }
    }
  }

  private char next() {
    skip();
    return at < text.length() ? text.charAt(at) : 0;
  }

  private Map<String, Object> section(int depth, boolean whole) throws ImageException {
    if (depth > MAX_DEPTH) {
      throw error();
    }
    Map<String, Object> all = new LinkedHashMap<>();
    while (true) {
      char c = next();
      if (c == 0 && whole) {
        return all;
      }
      if (c == '}' && !whole) {
        at++;
        return all;
      }
      String name = word();
      c = next();
      at++;
      if (c == '{') {
        all.put(name, section(depth + 1, false));
      } else if (c == '=') {
        all.put(name, value(depth + 1));
      } else {
        throw error();
      }
    }
  }

  private String word() throws ImageException {
    int from = at;
    while (at < text.length() && " \t\r\n={}[],#\"".indexOf(text.charAt(at)) < 0) {
      at++;
    }
    if (from == at) {
      throw error();
    }
    return text.substring(from, at);
  }

  private Object value(int depth) throws ImageException {
    char c = next();
    if (c == '"') {
      return quoted();
    }
    if (c != '[') {
      String word = word();
      try {
        return Long.parseLong(word);
      } catch (NumberFormatException e) {
        return word;
      }
    }
    if (depth > MAX_DEPTH) {
      throw error();
    }
    at++;
    List<Object> list = new ArrayList<>();
    while (next() != ']') {
      list.add(value(depth + 1));
      if (next() == ',') {
        at++;
      } else if (next() != ']') {
        throw error();
      }
    }
    at++;
    return list;
  }

  private String quoted() throws ImageException {
    StringBuilder value = new StringBuilder();
    for (at++; at < text.length() && text.charAt(at) != '"'; at++) {
      if (text.charAt(at) == '\\' && at + 1 < text.length()) {
        at++;
      }
      value.append(text.charAt(at));
    }
    if (at >= text.length()) {
      throw error();
    }
    at++;
    return value.toString();
  }
}
