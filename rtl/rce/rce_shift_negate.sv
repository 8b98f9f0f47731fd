// Operands of one position times its digits, for all slots: x or 2x, or the ones' complement of it.
//
// Two bits of a result need five bits: three of x, double and negate. So a LUT gives both.
module rce_shift_negate #(
  parameter int unsigned Slots = 4,
  localparam int unsigned TermW = rce_pkg::TermW
) (
  input  logic [Slots*8-1:0]     x_i,       // [slot]
  input  logic [1:0]             double_i,  // [class]: of the first half of the slots, the second
  input  logic                   negate_i,
  output logic [Slots*TermW-1:0] term_o     // [slot]
);
  if (Slots % 2 != 0) begin : gen_check_slots
    $error("Slots must be even: two digits for each token");
  end

`ifdef ACCLLM_PRIMITIVES
  // Bits 0 and 1 of a result, of {negate, double, x[1], x[0], x[-1]}.
  function automatic logic [31:0] table_of(input int result_bit);
    for (int i = 0; i < 32; i++) begin
      table_of[i] = i[4] ^ (i[3] ? i[result_bit] : i[result_bit+1]);
    end
  endfunction

  for (genvar t = 0; t < Slots; t++) begin : gen_slot
    logic [8:0] shifted;
    assign shifted = {x_i[8*t +: 8], 1'b0};
    for (genvar i = 0; i < 4; i++) begin : gen_pair
      lut_pair #(.Table0(table_of(0)), .Table1(table_of(1))) u_pair (
        .i_i({negate_i, double_i[2*t/Slots], shifted[2*i +: 3]}), .o_o(term_o[TermW*t+2*i +: 2])
      );
    end
  end
  // Signs of two slots.
  for (genvar t = 0; t < Slots; t += 2) begin : gen_signs
    lut_pair #(.Table0(32'h5A5A_5A5A), .Table1(32'h3C3C_3C3C)) u_signs (
      .i_i({2'b00, negate_i, x_i[8*t+15], x_i[8*t+7]}),
      .o_o({term_o[TermW*t+2*TermW-1], term_o[TermW*t+TermW-1]})
    );
  end
`else
  for (genvar t = 0; t < Slots; t++) begin : gen_slot
    logic [7:0] x;
    assign x = x_i[8*t +: 8];
    assign term_o[TermW*t +: TermW] = {TermW{negate_i}}
                                      ^ (double_i[2*t/Slots] ? {x, 1'b0} : {x[7], x});
  end
`endif
endmodule
