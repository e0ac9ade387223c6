package io.satchel.app.demo;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Assembles the part of 16-bit 8086 assembly language that the demonstration program uses, in
 * Intel's notation (SDM volume 2): labels, {@code db dw times equ org}, and the instructions in
 * {@link #encode}. Not a general assembler.
 *
 * <p>Two passes: the first finds the labels, so every instruction has one length; jumps are near.
 */
final class Assembler16 {

  private static final List<String> WORD_REGISTERS =
      List.of("ax", "cx", "dx", "bx", "sp", "bp", "si", "di");
  private static final List<String> BYTE_REGISTERS =
      List.of("al", "cl", "dl", "bl", "ah", "ch", "dh", "bh");
  private static final List<String> SEGMENTS = List.of("es", "cs", "ss", "ds");

  /** Effective addresses in the order of ModRM.rm (SDM volume 2, table 2-1). */
  private static final List<String> BASES =
      List.of("bx+si", "bx+di", "bp+si", "bp+di", "si", "di", "bp", "bx");

  private static final List<String> ARITHMETIC =
      List.of("add", "or", "adc", "sbb", "and", "sub", "xor", "cmp");
  private static final List<String> SHIFTS =
      List.of("rol", "ror", "rcl", "rcr", "shl", "shr", "sal", "sar");
  private static final List<String> CONDITIONS =
      List.of(
          "o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g");
  private static final Map<String, String> SYNONYMS =
      Map.of("jc", "jb", "jnc", "jae", "jz", "je", "jnz", "jne");
  private static final Map<String, int[]> PLAIN =
      Map.ofEntries(
          Map.entry("cli", new int[] {0xFA}), Map.entry("sti", new int[] {0xFB}),
          Map.entry("cld", new int[] {0xFC}), Map.entry("hlt", new int[] {0xF4}),
          Map.entry("ret", new int[] {0xC3}), Map.entry("retf", new int[] {0xCB}),
          Map.entry("lodsb", new int[] {0xAC}), Map.entry("stosb", new int[] {0xAA}),
          Map.entry("stosw", new int[] {0xAB}), Map.entry("movsb", new int[] {0xA4}),
          Map.entry("rep", new int[] {0xF3}), Map.entry("pusha", new int[] {0x60}),
          Map.entry("popa", new int[] {0x61}), Map.entry("cbw", new int[] {0x98}));

  /** What an operand is. {@code width} is 0 when it does not say. */
  private record Operand(Kind kind, int width, int number, String text) {}

  private enum Kind {
    REGISTER,
    SEGMENT,
    MEMORY,
    IMMEDIATE
  }

  private final List<String> lines;
  private final Map<String, Integer> symbols = new HashMap<>();
  private final ByteArrayOutputStream code = new ByteArrayOutputStream();
  private int origin;
  private boolean last;
  private int line;

  private Assembler16(String source) {
    lines = source.lines().toList();
  }

  /**
   * @throws IllegalArgumentException naming the line that is not understood
   */
  static byte[] assemble(String source) {
    Assembler16 assembler = new Assembler16(source);
    assembler.pass();
    assembler.last = true;
    assembler.pass();
    return assembler.code.toByteArray();
  }

  private void pass() {
    code.reset();
    line = 0;
    for (String text : lines) {
      line++;
      String statement = withoutComment(text).strip();
      int colon = statement.indexOf(':');
      if (colon > 0 && statement.substring(0, colon).matches("[a-z_][a-z0-9_]*")) {
        symbols.put(statement.substring(0, colon), origin + code.size());
        statement = statement.substring(colon + 1).strip();
      }
      if (!statement.isEmpty()) {
        statement(statement);
      }
    }
  }

  private static String withoutComment(String text) {
    boolean quoted = false;
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) == '"') {
        quoted = !quoted;
      } else if (text.charAt(i) == ';' && !quoted) {
        return text.substring(0, i);
      }
    }
    return text;
  }

  private void statement(String statement) {
    String[] parts = statement.split("\\s+", 2);
    String word = parts[0].toLowerCase(Locale.ROOT);
    String rest = parts.length > 1 ? parts[1].strip() : "";
    if (rest.startsWith("equ ")) {
      symbols.put(word, value(rest.substring(4)));
      return;
    }
    switch (word) {
      case "org" -> origin = value(rest);
      case "db" -> split(rest).forEach(this::data);
      case "dw" -> split(rest).forEach(item -> word(value(item)));
      case "times" -> {
        String[] count = rest.split("\\s+db\\s+", 2);
        int number = value(count[0]);
        for (int i = 0; i < number; i++) {
          bytes(value(count[1]));
        }
      }
      case "rep" -> {
        bytes(0xF3);
        statement(rest);
      }
      default -> encode(SYNONYMS.getOrDefault(word, word), split(rest));
    }
  }

  private void data(String item) {
    if (item.startsWith("\"")) {
      code.writeBytes(item.substring(1, item.length() - 1).getBytes(StandardCharsets.ISO_8859_1));
    } else {
      bytes(value(item));
    }
  }

  private static List<String> split(String list) {
    List<String> items = new ArrayList<>();
    StringBuilder item = new StringBuilder();
    boolean quoted = false;
    for (char c : list.toCharArray()) {
      if (c == '"') {
        quoted = !quoted;
      }
      if (c == ',' && !quoted) {
        items.add(item.toString().strip());
        item.setLength(0);
      } else {
        item.append(c);
      }
    }
    if (!item.toString().isBlank()) {
      items.add(item.toString().strip());
    }
    return items;
  }

  private void encode(String word, List<String> texts) {
    int[] plain = PLAIN.get(word);
    if (plain != null && texts.isEmpty()) {
      bytes(plain);
      return;
    }
    if (word.startsWith("j") && CONDITIONS.contains(word.substring(1))) {
      bytes(0x0F, 0x80 | CONDITIONS.indexOf(word.substring(1)));
      relative(texts.getFirst());
      return;
    }
    switch (word) {
      case "jmp" -> {
        bytes(0xE9);
        relative(texts.getFirst());
        return;
      }
      case "call" -> {
        bytes(0xE8);
        relative(texts.getFirst());
        return;
      }
      case "int" -> {
        bytes(0xCD, value(texts.getFirst()));
        return;
      }
      default -> {}
    }
    List<Operand> operands = texts.stream().map(this::operand).toList();
    Operand a = operands.isEmpty() ? null : operands.getFirst();
    Operand b = operands.size() < 2 ? null : operands.get(1);
    if (a == null) {
      throw mistake("an operand is missing");
    }
    if (b == null) {
      one(word, a);
    } else if (ARITHMETIC.contains(word)) {
      arithmetic(ARITHMETIC.indexOf(word), a, b);
    } else if (SHIFTS.contains(word)) {
      int width = width(a, a);
      bytes(0xC0 | width >> 1);
      modrm(SHIFTS.indexOf(word), a);
      bytes(value(b.text));
    } else {
      two(word, a, b);
    }
  }

  private void one(String word, Operand a) {
    boolean wordRegister = a.kind == Kind.REGISTER && a.width == 2;
    switch (word) {
      case "push", "pop" -> {
        boolean push = word.equals("push");
        if (a.kind == Kind.SEGMENT) {
          bytes((push ? 0x06 : 0x07) | a.number << 3);
        } else if (wordRegister) {
          bytes((push ? 0x50 : 0x58) | a.number);
        } else {
          throw mistake("push and pop take a register");
        }
      }
      case "inc", "dec" -> {
        if (wordRegister) {
          bytes((word.equals("inc") ? 0x40 : 0x48) | a.number);
        } else {
          bytes(0xFE | width(a, a) >> 1);
          modrm(word.equals("inc") ? 0 : 1, a);
        }
      }
      case "not", "neg", "mul", "div" -> {
        bytes(0xF6 | width(a, a) >> 1);
        modrm(Map.of("not", 2, "neg", 3, "mul", 4, "div", 6).getOrDefault(word, 0), a);
      }
      default -> throw mistake("unknown instruction " + word);
    }
  }

  private void arithmetic(int operation, Operand a, Operand b) {
    int width = width(a, b);
    if (b.kind == Kind.IMMEDIATE) {
      bytes(0x80 | width >> 1);
      modrm(operation, a);
      immediate(width, b);
    } else if (a.kind == Kind.REGISTER && b.kind == Kind.MEMORY) {
      bytes(operation << 3 | 2 | width >> 1);
      modrm(a.number, b);
    } else {
      bytes(operation << 3 | width >> 1);
      modrm(b.number, a);
    }
  }

  private void two(String word, Operand a, Operand b) {
    switch (word) {
      case "mov" -> move(a, b);
      case "test" -> {
        int width = width(a, b);
        if (b.kind == Kind.IMMEDIATE) {
          bytes(0xF6 | width >> 1);
          modrm(0, a);
          immediate(width, b);
        } else {
          bytes(0x84 | width >> 1);
          modrm(b.number, a);
        }
      }
      case "xchg" -> {
        bytes(0x86 | width(a, b) >> 1);
        modrm(b.number, a);
      }
      case "in" -> bytes(0xEC | a.width >> 1);
      case "out" -> bytes(0xEE | b.width >> 1);
      default -> throw mistake("unknown instruction " + word);
    }
  }

  private void move(Operand a, Operand b) {
    if (a.kind == Kind.SEGMENT) {
      bytes(0x8E);
      modrm(a.number, b);
    } else if (b.kind == Kind.SEGMENT) {
      bytes(0x8C);
      modrm(b.number, a);
    } else if (b.kind == Kind.IMMEDIATE && a.kind == Kind.REGISTER) {
      bytes((a.width == 2 ? 0xB8 : 0xB0) | a.number);
      immediate(a.width, b);
    } else if (b.kind == Kind.IMMEDIATE) {
      int width = width(a, b);
      bytes(0xC6 | width >> 1);
      modrm(0, a);
      immediate(width, b);
    } else if (a.kind == Kind.REGISTER && b.kind == Kind.MEMORY) {
      bytes(0x8A | width(a, b) >> 1);
      modrm(a.number, b);
    } else {
      bytes(0x88 | width(a, b) >> 1);
      modrm(b.number, a);
    }
  }

  private int width(Operand a, Operand b) {
    int width = a.width != 0 ? a.width : b.width;
    if (width == 0 || a.width != 0 && b.width != 0 && a.width != b.width) {
      throw mistake("the operands' widths do not agree");
    }
    return width;
  }

  private void immediate(int width, Operand operand) {
    if (width == 2) {
      word(value(operand.text));
    } else {
      bytes(value(operand.text));
    }
  }

  private void relative(String target) {
    word(value(target) - (origin + code.size() + 2));
  }

  /**
   * A ModRM byte; memory always has a 16-bit displacement, so that lengths do not depend on values.
   */
  private void modrm(int reg, Operand rm) {
    if (rm.kind == Kind.REGISTER) {
      bytes(0xC0 | reg << 3 | rm.number);
      return;
    }
    String inside = rm.text.replace(" ", "");
    for (String base : BASES) {
      if (inside.equals(base) || inside.startsWith(base + "+")) {
        bytes(0x80 | reg << 3 | BASES.indexOf(base));
        word(inside.equals(base) ? 0 : value(inside.substring(base.length() + 1)));
        return;
      }
    }
    bytes(reg << 3 | 6);
    word(value(inside));
  }

  private Operand operand(String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    int width = 0;
    if (lower.startsWith("byte ") || lower.startsWith("word ")) {
      width = lower.startsWith("word ") ? 2 : 1;
      lower = lower.substring(5).strip();
    }
    if (lower.startsWith("[")) {
      return new Operand(Kind.MEMORY, width, 0, lower.substring(1, lower.length() - 1));
    }
    if (WORD_REGISTERS.contains(lower)) {
      return new Operand(Kind.REGISTER, 2, WORD_REGISTERS.indexOf(lower), lower);
    }
    if (BYTE_REGISTERS.contains(lower)) {
      return new Operand(Kind.REGISTER, 1, BYTE_REGISTERS.indexOf(lower), lower);
    }
    if (SEGMENTS.contains(lower)) {
      return new Operand(Kind.SEGMENT, 2, SEGMENTS.indexOf(lower), lower);
    }
    return new Operand(Kind.IMMEDIATE, 0, 0, text);
  }

  /**
   * A sum of numbers, characters and symbols; {@code $} is here. Symbols that are not known yet are
   * 0 in the first pass.
   */
  private int value(String text) {
    int sum = 0;
    for (String term : text.strip().replace("-", "+-").split("\\+")) {
      String plain = term.strip();
      if (!plain.isEmpty()) {
        boolean negative = plain.startsWith("-");
        int value = term(negative ? plain.substring(1).strip() : plain);
        sum += negative ? -value : value;
      }
    }
    return sum;
  }

  private int term(String term) {
    if (term.equals("$")) {
      return origin + code.size();
    }
    if (term.matches("'.'")) {
      return term.charAt(1);
    }
    if (term.matches("0x[0-9a-fA-F]+")) {
      return Integer.parseInt(term.substring(2), 16);
    }
    if (term.matches("[0-9]+")) {
      return Integer.parseInt(term);
    }
    Integer symbol = symbols.get(term.toLowerCase(Locale.ROOT));
    if (symbol == null && last) {
      throw mistake("unknown name " + term);
    }
    return symbol == null ? 0 : symbol;
  }

  private void bytes(int... values) {
    for (int value : values) {
      code.write(value);
    }
  }

  private void word(int value) {
    bytes(value, value >>> 8);
  }

  private IllegalArgumentException mistake(String what) {
    return new IllegalArgumentException("line " + line + ": " + what + ": " + lines.get(line - 1));
  }
}
