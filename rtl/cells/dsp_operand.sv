// The registers in front of an operand of a DSP, where it is described and not instantiated.
module dsp_operand #(
  parameter int unsigned Width = 48,
  parameter int unsigned Registers = 1  // 0 to 2
) (
  input  logic             clk_i,
  input  logic             en_i,
  input  logic [Width-1:0] data_i,
  output logic [Width-1:0] data_o
);
  if (Registers == 0) begin : gen_none
    logic unused;
    assign unused = ^{clk_i, en_i};
    assign data_o = data_i;
  end else begin : gen_some
    logic [Width-1:0] data_q [Registers];
    always_ff @(posedge clk_i) begin
      if (en_i) begin
        data_q[0] <= data_i;
        for (int unsigned i = 1; i < Registers; i++) data_q[i] <= data_q[i-1];
      end
    end
    assign data_o = data_q[Registers-1];
  end
endmodule
