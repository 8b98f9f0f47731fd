// Second half of decoding, for one position: which digits its code means. A value is
//
//     (-1)^negate * (d0 + 3 d1),   d0 and d1 in 0, 1, 2;   sparse24: (-1)^negate * d0, and d1 = d0
//
// Codes of four bits are two's complement. See rce_align for those of levels of two bits.
module rce_digits (
  input  logic       clk_i,
  input  logic       two_bit_i,
  input  logic [3:0] code_i,
  output logic [1:0] zero_o,    // [class]
  output logic [1:0] double_o,  // [class] if not 0
  output logic       negate_o
);
  // {d1, d0} of {two_bit, code}.
  function automatic logic [3:0] digits_of(input logic [4:0] index);
    logic [3:0] magnitude;
    magnitude = index[3] ? 4'd8 - {1'b0, index[2:0]} : {1'b0, index[2:0]};
    if (index[4]) begin
      // Levels -2, -1, 1, 2 or -3, -1, 1, 3.
      magnitude = index[1] == index[0] ? 4'd2 : 4'd1;
      digits_of = index[3] ? (magnitude == 4'd2 ? 4'b0100 : 4'b0001)
                  : index[2] ? 4'b0000 : {magnitude[1:0], magnitude[1:0]};
    end else begin
      digits_of = {2'(magnitude / 4'd3), 2'(magnitude % 4'd3)};
    end
  endfunction

  // Of bit `bit_of` of digit `class_of`: whether it is the digit (0) or says that it is 2 (1).
  function automatic logic [31:0] table_of(input int class_of, input int is_double);
    logic [3:0] digits;
    logic [1:0] digit;
    for (int i = 0; i < 32; i++) begin
      digits = digits_of(5'(i));
      digit = class_of == 1 ? digits[3:2] : digits[1:0];
      table_of[i] = is_double == 1 ? digit[1] : digit == 2'd0;
    end
  endfunction

  logic [1:0] zero, double;
  for (genvar h = 0; h < 2; h++) begin : gen_class
    lut_pair #(.Table0(table_of(h, 0)), .Table1(table_of(h, 1))) u_digit (
      .i_i({two_bit_i, code_i}), .o_o({double[h], zero[h]})
    );
  end

  always_ff @(posedge clk_i) begin
    zero_o <= zero;
    double_o <= double;
    negate_o <= two_bit_i ? !code_i[1] : code_i[3];
  end
endmodule
