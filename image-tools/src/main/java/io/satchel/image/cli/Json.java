package io.satchel.image.cli;

import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Writes JSON in the layout of qemu-img: four spaces a level. */
final class Json {
  private Json() {}

  /** Maps, lists, strings, numbers and booleans as text. */
  static String pretty(Object value) {
    StringBuilder out = new StringBuilder();
    write(out, value, 0);
    return out.toString();
  }

  private static void write(StringBuilder out, Object value, int depth) {
    switch (value) {
      case Map<?, ?> map -> {
        out.append('{');
        Iterator<? extends Map.Entry<?, ?>> entries = map.entrySet().iterator();
        while (entries.hasNext()) {
          Map.Entry<?, ?> entry = entries.next();
          newLine(out, depth + 1);
          string(out, entry.getKey().toString());
          out.append(": ");
          write(out, entry.getValue(), depth + 1);
          out.append(entries.hasNext() ? "," : "");
        }
        newLine(out, depth);
        out.append('}');
      }
      case List<?> list -> {
        out.append('[');
        for (int i = 0; i < list.size(); i++) {
          newLine(out, depth + 1);
          write(out, list.get(i), depth + 1);
          out.append(i + 1 < list.size() ? "," : "");
        }
        newLine(out, depth);
        out.append(']');
      }
      case String text -> string(out, text);
      default -> out.append(value);
    }
  }

  private static void newLine(StringBuilder out, int depth) {
    out.append('\n').append("    ".repeat(depth));
  }

  private static void string(StringBuilder out, String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> {
          if (c < 0x20) {
            out.append(String.format("\\u%04x", (int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}
