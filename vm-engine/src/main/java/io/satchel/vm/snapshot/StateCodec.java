package io.satchel.vm.snapshot;

import io.satchel.vm.device.Default;
import io.satchel.vm.device.Device;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * State records to bytes and back, component by component under its name.
 *
 * <p>A component that the bytes lack takes its {@link Default}; bytes for a component that the
 * record lacks are an error, since ignoring them would lose state silently. Supported are
 * primitives and their boxes, {@code String}, enums, arrays of these and of records, {@code List},
 * nested records and {@code null}.
 *
 * <p>The bytes: "SVM", the version {@value #VERSION}, then one value. A value is a tag and its
 * content, big-endian; a record is its count of components, each a name and a value. Bytes are
 * untrusted: a length is checked against what is left before anything is allocated.
 */
public final class StateCodec {

  /** Of the encoding, not of any device's state. */
  public static final int VERSION = 1;

  private static final int MAGIC = 'S' << 24 | 'V' << 16 | 'M' << 8 | VERSION;
  private static final int MAXIMUM_DEPTH = 32;

  private static final byte NULL = 0;
  private static final byte FALSE = 1;
  private static final byte TRUE = 2;
  private static final byte INTEGER = 3;
  private static final byte FLOATING = 4;
  private static final byte STRING = 5;
  private static final byte BYTES = 6;
  private static final byte SHORTS = 7;
  private static final byte INTS = 8;
  private static final byte LONGS = 9;
  private static final byte SEQUENCE = 10;
  private static final byte RECORD = 11;

  private StateCodec() {}

  /** The device's state. */
  public static byte[] save(Device<?> device) {
    return encode(device.state());
  }

  /**
   * Makes {@code device} what {@link #save} wrote.
   *
   * @throws StateFormatException the bytes are not a state of this device
   */
  public static <S extends Record> void load(Device<S> device, byte[] bytes)
      throws StateFormatException {
    @SuppressWarnings("unchecked")
    Class<S> type = (Class<S>) device.state().getClass();
    device.restore(decode(bytes, type, device.name()));
  }

  /** A record's bytes. */
  public static byte[] encode(Record state) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(MAGIC);
      write(out, state);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /**
   * The record that {@link #encode} wrote.
   *
   * @param owner the device, for error messages
   */
  public static <S extends Record> S decode(byte[] bytes, Class<S> type, String owner)
      throws StateFormatException {
    ByteBuffer in = ByteBuffer.wrap(bytes);
    try {
      int magic = in.getInt();
      if (magic != MAGIC) {
        throw new StateFormatException(
            "The saved state of %s begins with %08x, not %08x: it was not written by this version"
                .formatted(owner, magic, MAGIC));
      }
      S state = type.cast(new Reader(in).read(type, type, owner, 0));
      if (state == null || in.hasRemaining()) {
        throw new StateFormatException(
            "The saved state of %s does not end where it should".formatted(owner));
      }
      return state;
    } catch (BufferUnderflowException e) {
      throw new StateFormatException("The saved state of %s is cut short".formatted(owner));
    }
  }

  private static void write(DataOutputStream out, @Nullable Object value) throws IOException {
    switch (value) {
      case null -> out.writeByte(NULL);
      case Boolean flag -> out.writeByte(flag ? TRUE : FALSE);
      case Byte number -> writeInteger(out, number);
      case Short number -> writeInteger(out, number);
      case Character number -> writeInteger(out, number);
      case Integer number -> writeInteger(out, number);
      case Long number -> writeInteger(out, number);
      case Float number -> writeFloating(out, number);
      case Double number -> writeFloating(out, number);
      case Enum<?> constant -> writeString(out, constant.name());
      case String text -> writeString(out, text);
      case byte[] array -> {
        out.writeByte(BYTES);
        out.writeInt(array.length);
        out.write(array);
      }
      case short[] array -> {
        out.writeByte(SHORTS);
        out.writeInt(array.length);
        for (short element : array) {
          out.writeShort(element);
        }
      }
      case int[] array -> {
        out.writeByte(INTS);
        out.writeInt(array.length);
        for (int element : array) {
          out.writeInt(element);
        }
      }
      case long[] array -> {
        out.writeByte(LONGS);
        out.writeInt(array.length);
        for (long element : array) {
          out.writeLong(element);
        }
      }
      case List<?> list -> {
        out.writeByte(SEQUENCE);
        out.writeInt(list.size());
        for (Object element : list) {
          write(out, element);
        }
      }
      case Record record -> writeRecord(out, record);
      default -> {
        if (!value.getClass().isArray()) {
          throw new IllegalArgumentException(
              value.getClass().getName() + " is not plain data that a state may hold");
        }
        out.writeByte(SEQUENCE);
        int length = Array.getLength(value);
        out.writeInt(length);
        for (int i = 0; i < length; i++) {
          write(out, Array.get(value, i));
        }
      }
    }
  }

  private static void writeInteger(DataOutputStream out, long value) throws IOException {
    out.writeByte(INTEGER);
    out.writeLong(value);
  }

  private static void writeFloating(DataOutputStream out, double value) throws IOException {
    out.writeByte(FLOATING);
    out.writeDouble(value);
  }

  private static void writeString(DataOutputStream out, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.writeByte(STRING);
    out.writeInt(bytes.length);
    out.write(bytes);
  }

  private static void writeRecord(DataOutputStream out, Record state) throws IOException {
    RecordComponent[] components = state.getClass().getRecordComponents();
    out.writeByte(RECORD);
    out.writeInt(components.length);
    for (RecordComponent component : components) {
      byte[] name = component.getName().getBytes(StandardCharsets.UTF_8);
      out.writeByte(name.length);
      out.write(name);
      write(out, valueOf(state, component));
    }
  }

  private static @Nullable Object valueOf(Record state, RecordComponent component) {
    try {
      Method accessor = component.getAccessor();
      accessor.setAccessible(true);
      return accessor.invoke(state);
    } catch (IllegalAccessException | InvocationTargetException e) {
      throw new IllegalStateException(component.toString(), e);
    }
  }

  /** Reads values; {@code place} names the device and the field for errors. */
  private record Reader(ByteBuffer in) {

    @Nullable Object read(Class<?> type, Type generic, String place, int depth)
        throws StateFormatException {
      if (depth > MAXIMUM_DEPTH) {
        throw new StateFormatException("The saved state of %s is too deep".formatted(place));
      }
      byte tag = in.get();
      return switch (tag) {
        case NULL -> {
          if (type.isPrimitive()) {
            throw wrong(place, type, "nothing");
          }
          yield null;
        }
        case FALSE, TRUE -> {
          if (type != boolean.class && type != Boolean.class) {
            throw wrong(place, type, "a truth value");
          }
          yield tag == TRUE;
        }
        case INTEGER -> integer(type, in.getLong(), place);
        case FLOATING -> {
          double value = in.getDouble();
          if (type == float.class || type == Float.class) {
            yield (float) value;
          }
          if (type != double.class && type != Double.class) {
            throw wrong(place, type, "a fraction");
          }
          yield value;
        }
        case STRING -> string(type, place);
        case BYTES -> {
          expect(type, byte[].class, place);
          byte[] array = new byte[length(1, place)];
          in.get(array);
          yield array;
        }
        case SHORTS -> {
          expect(type, short[].class, place);
          short[] array = new short[length(2, place)];
          in.asShortBuffer().get(array);
          in.position(in.position() + 2 * array.length);
          yield array;
        }
        case INTS -> {
          expect(type, int[].class, place);
          int[] array = new int[length(4, place)];
          in.asIntBuffer().get(array);
          in.position(in.position() + 4 * array.length);
          yield array;
        }
        case LONGS -> {
          expect(type, long[].class, place);
          long[] array = new long[length(8, place)];
          in.asLongBuffer().get(array);
          in.position(in.position() + 8 * array.length);
          yield array;
        }
        case SEQUENCE -> sequence(type, generic, place, depth);
        case RECORD -> record(type, place, depth);
        default ->
            throw new StateFormatException(
                "The saved state of %s holds an unknown kind of value, %d".formatted(place, tag));
      };
    }

    /** An array's length, which the remaining bytes can hold. */
    private int length(int elementSize, String place) throws StateFormatException {
      int length = in.getInt();
      if (length < 0 || length > in.remaining() / elementSize) {
        throw new StateFormatException("The saved state of %s is cut short".formatted(place));
      }
      return length;
    }

    private Object integer(Class<?> type, long value, String place) throws StateFormatException {
      if (type == int.class || type == Integer.class) {
        return (int) inRange(value, Integer.MIN_VALUE, Integer.MAX_VALUE, place);
      }
      if (type == long.class || type == Long.class) {
        return value;
      }
      if (type == byte.class || type == Byte.class) {
        return (byte) inRange(value, Byte.MIN_VALUE, Byte.MAX_VALUE, place);
      }
      if (type == short.class || type == Short.class) {
        return (short) inRange(value, Short.MIN_VALUE, Short.MAX_VALUE, place);
      }
      if (type == char.class || type == Character.class) {
        return (char) inRange(value, Character.MIN_VALUE, Character.MAX_VALUE, place);
      }
      throw wrong(place, type, "a number");
    }

    private static long inRange(long value, long least, long most, String place)
        throws StateFormatException {
      if (value < least || value > most) {
        throw new StateFormatException(
            "The saved state of %s holds %d, which is out of range".formatted(place, value));
      }
      return value;
    }

    private Object string(Class<?> type, String place) throws StateFormatException {
      byte[] bytes = new byte[length(1, place)];
      in.get(bytes);
      String text = new String(bytes, StandardCharsets.UTF_8);
      if (type == String.class) {
        return text;
      }
      return constant(type, text, place);
    }

    private Object sequence(Class<?> type, Type generic, String place, int depth)
        throws StateFormatException {
      int length = length(1, place);
      if (type == List.class) {
        Type element =
            generic instanceof ParameterizedType parameterized
                ? parameterized.getActualTypeArguments()[0]
                : Object.class;
        List<@Nullable Object> list = new ArrayList<>(length);
        for (int i = 0; i < length; i++) {
          list.add(read(rawType(element), element, place + "[" + i + "]", depth + 1));
        }
        return list;
      }
      Class<?> element = type.getComponentType();
      if (element == null) {
        throw wrong(place, type, "a list");
      }
      Object array = Array.newInstance(element, length);
      for (int i = 0; i < length; i++) {
        Array.set(array, i, read(element, element, place + "[" + i + "]", depth + 1));
      }
      return array;
    }

    private static Class<?> rawType(Type type) {
      return switch (type) {
        case Class<?> plain -> plain;
        case ParameterizedType parameterized -> (Class<?>) parameterized.getRawType();
        default -> Object.class;
      };
    }

    private Object record(Class<?> type, String place, int depth) throws StateFormatException {
      if (!type.isRecord()) {
        throw wrong(place, type, "a record");
      }
      RecordComponent[] components = type.getRecordComponents();
      @Nullable Object[] values = new @Nullable Object[components.length];
      boolean[] present = new boolean[components.length];
      int count = in.getInt();
      for (int i = 0; i < count; i++) {
        byte[] bytes = new byte[in.get() & 0xFF];
        in.get(bytes);
        String name = new String(bytes, StandardCharsets.UTF_8);
        String field = place + "." + name;
        int index = find(components, name);
        if (index < 0) {
          throw new StateFormatException(
              "The saved state has %s, which this version does not know".formatted(field));
        }
        if (present[index]) {
          throw new StateFormatException("The saved state has %s twice".formatted(field));
        }
        RecordComponent component = components[index];
        values[index] = read(component.getType(), component.getGenericType(), field, depth + 1);
        present[index] = true;
      }
      for (int i = 0; i < components.length; i++) {
        if (!present[i]) {
          values[i] = defaultOf(components[i], place + "." + components[i].getName());
        }
      }
      return construct(type, components, values, place);
    }

    private static int find(RecordComponent[] components, String name) {
      for (int i = 0; i < components.length; i++) {
        if (components[i].getName().equals(name)) {
          return i;
        }
      }
      return -1;
    }
  }

  private static Object construct(
      Class<?> type, RecordComponent[] components, @Nullable Object[] values, String place)
      throws StateFormatException {
    Class<?>[] types = new Class<?>[components.length];
    for (int i = 0; i < types.length; i++) {
      types[i] = components[i].getType();
    }
    try {
      Constructor<?> constructor = type.getDeclaredConstructor(types);
      constructor.setAccessible(true);
      return constructor.newInstance(values);
    } catch (InvocationTargetException e) {
      throw new StateFormatException(
          "The saved state of %s is not valid: %s".formatted(place, e.getCause()));
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(type.getName(), e);
    }
  }

  private static @Nullable Object defaultOf(RecordComponent component, String place)
      throws StateFormatException {
    AnnotatedElement element = component;
    Default declared = element.getAnnotation(Default.class);
    if (declared == null) {
      throw new StateFormatException(
          "The saved state lacks %s, which has no default".formatted(place));
    }
    Class<?> type = component.getType();
    String text = declared.value();
    if (type == String.class) {
      return text;
    }
    if (type == boolean.class || type == Boolean.class) {
      return Boolean.valueOf(text);
    }
    if (!type.isPrimitive() && text.equals("null")) {
      return null;
    }
    if (type == List.class) {
      return List.of();
    }
    if (type.isArray()) {
      return Array.newInstance(type.getComponentType(), 0);
    }
    if (type == double.class || type == float.class) {
      double value = Double.parseDouble(text);
      return type == float.class ? (Object) (float) value : (Object) value;
    }
    if (type.isEnum()) {
      return constant(type, text, place);
    }
    return new Reader(ByteBuffer.allocate(0)).integer(type, Long.decode(text), place);
  }

  private static Object constant(Class<?> type, String name, String place)
      throws StateFormatException {
    Object[] constants = type.getEnumConstants();
    if (constants == null) {
      throw wrong(place, type, "a text");
    }
    for (Object constant : constants) {
      if (((Enum<?>) constant).name().equals(name)) {
        return constant;
      }
    }
    throw new StateFormatException(
        "The saved state of %s is %s, which this version does not know".formatted(place, name));
  }

  private static void expect(Class<?> type, Class<?> found, String place)
      throws StateFormatException {
    if (type != found) {
      throw wrong(place, type, found.getSimpleName());
    }
  }

  private static StateFormatException wrong(String place, Class<?> type, String found) {
    return new StateFormatException(
        "The saved state of %s holds %s instead of %s"
            .formatted(place, found, type.getSimpleName()));
  }
}
