// Words that the host writes: those of memory pointers, or those of arguments_t, lowest first.
module axi_lite_words #(
  parameter int unsigned Words = 4,
  parameter bit IsMemory = 1'b1
) (
  input  logic                clk_i,
  input  logic                write_i,
  input  logic [11:0]         address_i,
  input  logic [31:0]         data_i,
  input  logic [3:0]          strobe_i,
  output logic [Words*32-1:0] words_o
);
  for (genvar i = 0; i < Words; i++) begin : gen_word
    localparam logic [11:0] Offset = IsMemory ? accllm_pkg::memory_offset(i)
                                              : accllm_pkg::argument_offset(i);
    always_ff @(posedge clk_i) begin
      for (int unsigned b = 0; b < 4; b++) begin
        if (write_i && address_i == Offset && strobe_i[b]) begin
          words_o[32*i + 8*b +: 8] <= data_i[8*b +: 8];
        end
      end
    end
  end
endmodule
